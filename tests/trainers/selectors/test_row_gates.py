"""AdaFS, MvFS and OptFS: gates by row and by value against float64 values worked out apart."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import trainers.training.build as building
from tests.support.gates import IDS, LAYOUT, LISTS, build, context
from trainers.selectors.gates.adafs.gate import AdaFsGate
from trainers.selectors.gates.mvfs.gate import MvFsGate
from trainers.selectors.gates.optfs.gate import OptFsGate
from trainers.spec import JobSpec
from trainers.training.ranks import RankContext


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def adafs(**options: Any) -> AdaFsGate:
    """A controller that isn't at its beginning."""
    gate = build("adafs", **options)
    assert isinstance(gate, AdaFsGate)
    for parameter in gate.learned_parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return gate.double()


def test_adafs_begins_with_equal_weights_which_leave_x_as_it_is() -> None:
    gate = build("adafs")
    x_BC = torch.randn(5, LAYOUT.total)
    gate(x_BC)
    gate.after_step(1, 100)
    torch.testing.assert_close(gate.forward_held_out(x_BC), x_BC)
    assert gate.scores().tolist() == pytest.approx([0.25] * 4)


def test_adafs_weights_by_hand() -> None:
    gate = adafs(replacement="zero", essential=["id"])
    train_BC, x_BC = torch.randn(9, LAYOUT.total).double(), torch.randn(3, LAYOUT.total).double()
    gate(train_BC, frozen=True)
    gate.after_step(1, 100)
    mean_C, variance_C = train_BC.mean(0), train_BC.var(0, unbiased=False)
    first_weight, first_bias, last_weight, last_bias = (each.detach() for each in gate.learned_parameters())
    hidden_BH = ((x_BC - mean_C) / (variance_C + 1e-5).sqrt() @ first_weight.T + first_bias).clamp_min(0)
    logit_BF = (hidden_BH @ last_weight.T + last_bias)[:, [0, 2, 3]]
    weight_BF = logit_BF.exp() / logit_BF.exp().sum(1, keepdim=True)
    found_BC = gate.forward_held_out(x_BC)
    torch.testing.assert_close(found_BC[:, :1], 3 * weight_BF[:, :1] * x_BC[:, :1])
    torch.testing.assert_close(found_BC[:, 1:3], x_BC[:, 1:3])
    torch.testing.assert_close(found_BC[:, 3:6], 3 * weight_BF[:, 1:2] * x_BC[:, 3:6])
    torch.testing.assert_close(found_BC[:, 6:], 3 * weight_BF[:, 2:] * x_BC[:, 6:])
    torch.testing.assert_close(gate.scores()[[0, 2, 3]], weight_BF.mean(0))


def test_adafs_hard_selection_keeps_the_best_k_of_each_row() -> None:
    soft, hard = adafs(), adafs(selection="hard", top_k=2)
    hard.load_state_dict(soft.state_dict())
    x_BC = torch.randn(20, LAYOUT.total).double()
    soft_BF, hard_BF = soft.weights(x_BC, None), hard.weights(x_BC, None)
    assert ((hard_BF > 0).sum(1) == 2).all()
    torch.testing.assert_close(hard_BF.sum(1), torch.ones(20).double())
    best_B2 = soft_BF.sort(1, descending=True).values[:, :2]
    torch.testing.assert_close(hard_BF.sort(1, descending=True).values[:, :2], best_B2 / best_B2.sum(1, keepdim=True))
    torch.testing.assert_close(hard.gates_of(hard_BF), 2 * hard_BF)
    with pytest.raises(ValueError, match="takes `top_k`"):
        build("adafs", selection="hard")


@pytest.mark.parametrize("name", ["adafs", "mvfs"])
def test_until_the_warm_up_ends_the_model_learns_on_the_full_input(name: str) -> None:
    gate = build(name)
    x_BC = torch.randn(5, LAYOUT.total)
    gate.after_step(0, 100)
    torch.testing.assert_close(gate(x_BC), x_BC)
    held_out_BC = gate.forward_held_out(x_BC)
    torch.testing.assert_close(held_out_BC, x_BC)
    gradients = torch.autograd.grad(held_out_BC.pow(2).sum(), gate.learned_parameters())
    assert all((gradient == 0).all() for gradient in gradients)


def test_a_row_gates_score_is_the_moving_mean_over_rows() -> None:
    gate = adafs()
    first_BC, second_BC = torch.randn(4, LAYOUT.total).double(), torch.randn(6, LAYOUT.total).double()
    first_F, second_F = (gate.weights(x_BC, None).mean(0) for x_BC in (first_BC, second_BC))
    gate.forward_held_out(first_BC)
    torch.testing.assert_close(gate.scores(), first_F.detach())
    gate.forward_held_out(second_BC)
    torch.testing.assert_close(gate.scores(), (0.98 * first_F + 0.02 * second_F).detach())
    gate(first_BC, frozen=True)
    torch.testing.assert_close(gate.scores(), (0.98 * first_F + 0.02 * second_F).detach())
    assert any(each is gate.mean_weight_F for each in gate.synced_tensors()), "ranks average it"
    assert "mean_weight_F" in gate.state_dict()


@pytest.mark.parametrize("name", ["adafs", "mvfs"])
def test_gradient_of_a_controller_agrees_with_finite_differences(name: str) -> None:
    gate = build(name).double()
    for parameter in gate.learned_parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    gate.after_step(1, 100)
    x_BC = torch.randn(4, LAYOUT.total).double()
    parameters = gate.learned_parameters()
    gradients = torch.autograd.grad(gate.forward_held_out(x_BC).pow(2).sum(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        flat = parameter.detach().view(-1)
        place = int(gradient.abs().argmax())
        flat[place] += 1e-6
        above = gate.forward_held_out(x_BC).pow(2).sum().item()
        flat[place] -= 2e-6
        below = gate.forward_held_out(x_BC).pow(2).sum().item()
        flat[place] += 1e-6
        assert gradient.view(-1)[place].item() == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-7)


def test_mvfs_gates_by_hand() -> None:
    gate = build("mvfs", views=2, threshold=0.5, replacement="zero").double()
    assert isinstance(gate, MvFsGate)
    gate.after_step(50, 100)
    assert gate.sharpness.item() == pytest.approx(3.0)
    x_BC = torch.randn(3, LAYOUT.total).double()
    normal_BC = x_BC / (1 + 1e-5) ** 0.5  # nothing was observed: mean 0, variance 1
    weight, bias, mix_weight, mix_bias = (each.detach() for each in gate.learned_parameters())
    views = [(normal_BC @ weight[4 * k : 4 * k + 4].T + bias[4 * k : 4 * k + 4]).softmax(1) for k in range(2)]
    mix_BK = (torch.cat(views, 1) @ mix_weight.T + mix_bias).softmax(1)
    importance_BF = 4 * (mix_BK[:, :1] * views[0] + mix_BK[:, 1:] * views[1])
    expected_BF = 0.5 * (1 + torch.tanh(3 * (importance_BF - 0.5)))
    torch.testing.assert_close(gate.weights(x_BC, None), expected_BF)
    torch.testing.assert_close(gate.forward_held_out(x_BC)[:, 3:6], expected_BF[:, 2:3] * x_BC[:, 3:6])


def test_mvfs_sharpens() -> None:
    gate = build("mvfs")
    assert isinstance(gate, MvFsGate)
    for step, sharpness in ((0, 1.0), (25, 2.0), (100, 5.0)):
        gate.after_step(step, 100)
        assert gate.sharpness.item() == pytest.approx(sharpness)
    assert "sharpness" in gate.state_dict()


def optfs(**options: Any) -> OptFsGate:
    """Gates 0.1, 0.2, … in the order of their values."""
    gate = build("optfs", buckets=4, **options)
    assert isinstance(gate, OptFsGate)
    with torch.no_grad():
        gate.raw_G.copy_(0.1 * torch.arange(1, len(gate.raw_G) + 1))
    return gate


def test_optfs_every_value_has_its_gate() -> None:
    """4 buckets of the number, 5 rows of the id's table, one of the vector, 3 of the list."""
    gate = optfs(replacement="zero")
    assert gate.count_F.tolist() == [4, 5, 1, 3]
    x_BC = torch.ones(4, LAYOUT.total)
    x_BC[:, 0] = torch.tensor([-2.0, -0.1, 0.1, 9.0])  # the quarters of a normal distribution end at ±0.674
    found_BF = gate.weights(x_BC, context())
    bucket = [0, 1, 2, 3]
    raw = [0.1 * place for place in range(1, 14)]
    for row in range(4):
        values = [sigmoid(raw[4 + 5 + 1 + value]) for value in LISTS[row]]
        expected = [
            sigmoid(raw[bucket[row]]),
            sigmoid(raw[4 + IDS[row][0]]),
            sigmoid(raw[9]),
            sum(values) / len(values) if values else 1.0,
        ]
        assert found_BF[row].tolist() == pytest.approx(expected)
    masked_BC = gate.forward_held_out(x_BC, context())
    torch.testing.assert_close(masked_BC[:, 1:3], found_BF[:, 1:2].expand(-1, 2))
    torch.testing.assert_close(gate.scores(), found_BF.detach().mean(0))


def test_optfs_large_tables_share_gates() -> None:
    gate = optfs(values=3)
    assert gate.count_F.tolist() == [4, 3, 1, 3]
    found_BF = gate.weights(torch.zeros(4, LAYOUT.total), context())
    assert found_BF[2, 1].item() == pytest.approx(sigmoid(0.1 * (4 + 4 % 3 + 1)))


def test_optfs_temperature_rises_to_a_step_function() -> None:
    gate = optfs(final_temperature=400.0)
    with torch.no_grad():
        gate.raw_G[:2] = torch.tensor([-0.1, 0.1])
    for step, temperature in ((0, 1.0), (50, 20.0), (100, 400.0)):
        gate.after_step(step, 100)
        assert gate.temperature.item() == pytest.approx(temperature, rel=1e-5)
    assert gate.value_gates()[:2].tolist() == pytest.approx([0.0, 1.0], abs=1e-6)
    assert "temperature" in gate.state_dict()


def test_optfs_a_feature_costs_the_same_whatever_the_number_of_its_values() -> None:
    gate = optfs(alpha=0.5, essential=["list"])
    gates = [sigmoid(0.1 * place) for place in range(1, 14)]
    expected = 0.5 * (sum(gates[:4]) / 4 + sum(gates[4:9]) / 5 + gates[9])
    assert gate.regularizer().item() == pytest.approx(expected)


def test_optfs_gradient_agrees_with_finite_differences() -> None:
    gate = optfs(alpha=0.5).double()
    gate.temperature.fill_(3.0)
    x_BC = torch.randn(4, LAYOUT.total).double()

    def loss() -> torch.Tensor:
        return gate.forward_held_out(x_BC, context()).pow(2).sum() + gate.regularizer()

    (analytic,) = torch.autograd.grad(loss(), gate.raw_G)
    for place in range(len(gate.raw_G)):
        with torch.no_grad():
            gate.raw_G[place] += 1e-6
            above = loss().item()
            gate.raw_G[place] -= 2e-6
            numeric = (above - loss().item()) / 2e-6
            gate.raw_G[place] += 1e-6
        assert analytic[place].item() == pytest.approx(numeric, rel=1e-4, abs=1e-8)


def test_optfs_needs_the_batch() -> None:
    with pytest.raises(ValueError, match="give the context"):
        optfs()(torch.zeros(4, LAYOUT.total))


def test_a_controller_begins_alike_on_every_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the tables draws as many random numbers as a rank has tables."""
    raw = {
        "dataset": {"train": "t", "splits": {}},
        "features": [{"name": name, "kind": "dense"} for name in ("a", "b")],
        "selector": {"name": "mvfs"},
    }
    spec, gates = JobSpec.model_validate(raw), []

    def draw(count: int) -> None:
        torch.rand(count)

    for drawn in (1, 7):
        monkeypatch.setattr(building, "_embeddings", lambda *_, count=drawn: draw(count))
        gates.append(building.build_gated(spec, RankContext()).gate)
    first, second = (gate.state_dict() for gate in gates)
    assert first["networks.weight"].abs().sum() > 0
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
