"""AutoField, variational dropout, DropRank and FSCD: the concrete relaxation, its gradient, penalties and schedules."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.support.gates import LAYOUT, build
from trainers.models.baseline import Baseline
from trainers.selectors.gates.autofield.gate import AutoFieldGate
from trainers.selectors.gates.base import SATURATION
from trainers.selectors.gates.concrete import ConcreteGate, sample_concrete
from trainers.selectors.gates.fscd import FscdSpec
from trainers.selectors.gates.fscd.gate import FscdGate


def concrete(name: str, keep: list[float], **options: Any) -> ConcreteGate:
    gate = build(name, **options)
    assert isinstance(gate, ConcreteGate)
    with torch.no_grad():
        gate.theta.copy_(torch.tensor(keep).logit())
    return gate


def test_a_concrete_gate_by_hand() -> None:
    """σ((log p − log(1 − p) + log u − log(1 − u))/t) for the noise that the seed draws."""
    torch.manual_seed(4)
    found_BF = sample_concrete(torch.tensor([0.2, 0.9]).logit(), 3, torch.tensor(0.5))
    torch.manual_seed(4)
    u_BF = torch.rand(3, 2)
    for row in range(3):
        for feature, keep in enumerate((0.2, 0.9)):
            u = u_BF[row, feature].item()
            raw = math.log(keep) - math.log(1 - keep) + math.log(u) - math.log(1 - u)
            assert found_BF[row, feature].item() == pytest.approx(1 / (1 + math.exp(-raw / 0.5)), rel=1e-4)


def test_a_concrete_gate_is_more_than_half_open_as_often_as_its_probability_says() -> None:
    torch.manual_seed(0)
    keep_F = torch.tensor([0.05, 0.3, 0.5, 0.95])
    for temperature in (0.1, 2.0):
        drawn_BF = sample_concrete(keep_F.logit(), 40_000, torch.tensor(temperature))
        assert (drawn_BF > 0.5).float().mean(0).tolist() == pytest.approx(keep_F.tolist(), abs=0.01)
    cold_BF = sample_concrete(keep_F.logit(), 40_000, torch.tensor(0.01))
    assert cold_BF.mean(0).tolist() == pytest.approx(keep_F.tolist(), abs=0.01)


def test_the_two_way_gumbel_softmax_has_the_same_distribution() -> None:
    """AutoField's form: softmax over keep and drop of (log α + Gumbel noise)/τ, against the logistic one."""
    torch.manual_seed(0)
    keep, temperature = 0.7, 0.6
    log_alpha_2 = torch.tensor([keep, 1 - keep]).log()
    gumbel_N2 = -torch.log(-torch.log(torch.rand(50_000, 2)))
    ours_N = sample_concrete(torch.tensor([keep]).logit(), 50_000, torch.tensor(temperature))[:, 0]
    theirs_N = ((log_alpha_2 + gumbel_N2) / temperature).softmax(-1)[:, 0]
    shares = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    torch.testing.assert_close(ours_N.quantile(shares), theirs_N.quantile(shares), atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["autofield", "variational_dropout", "droprank", "fscd"])
def test_gradient_of_the_probabilities_agrees_with_finite_differences(name: str) -> None:
    gate = concrete(name, [0.3, 0.5, 0.8, 0.6]).double()
    gate.temperature.fill_(0.7)
    x_BC, weight_BC = torch.randn(5, LAYOUT.total).double(), torch.randn(5, LAYOUT.total).double()

    def objective() -> torch.Tensor:
        torch.manual_seed(3)
        return (gate.forward_held_out(x_BC) * weight_BC).pow(2).sum() + 100 * gate.regularizer()

    (analytic,) = torch.autograd.grad(objective(), gate.theta)
    numeric = []
    for at in range(len(LAYOUT)):
        step = torch.zeros_like(gate.theta)
        step[at] = 1e-6
        with torch.no_grad():
            gate.theta.add_(step)
            above = objective()
            gate.theta.sub_(2 * step)
            numeric.append((above - objective()).item() / 2e-6)
            gate.theta.add_(step)
    assert analytic.tolist() == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("name", ["autofield", "variational_dropout", "droprank", "fscd"])
def test_in_evaluation_a_gate_is_its_probability(name: str) -> None:
    gate = concrete(name, [0.3, 0.5, 0.8, 0.6], replacement="zero").eval()
    expected_C = torch.tensor([0.3, 0.5, 0.5, 0.8, 0.8, 0.8, 0.6, 0.6])
    torch.testing.assert_close(gate(torch.ones(2, LAYOUT.total)), expected_C.expand(2, -1))
    assert gate.scores().tolist() == pytest.approx([0.3, 0.5, 0.8, 0.6])


@pytest.mark.parametrize("name", ["variational_dropout", "droprank"])
def test_every_open_feature_costs_alpha(name: str) -> None:
    gate = concrete(name, [0.3, 0.5, 0.8, 0.6], alpha=0.5, essential=["vector"])
    assert gate.regularizer().item() == pytest.approx(0.5 * (0.3 + 0.5 + 0.6))


def test_autofield_begins_undecided_and_its_temperature_falls_to_the_end() -> None:
    gate = build("autofield")
    assert isinstance(gate, AutoFieldGate)
    assert gate.scores().tolist() == [0.5] * 4
    assert gate.regularizer().item() == 0
    for step, temperature in ((0, 1.0), (50, 0.505), (100, 0.01)):
        gate.after_step(step, 100)
        assert gate.temperature.item() == pytest.approx(temperature)
    assert "temperature" in gate.state_dict(), "a run that resumes goes on from its temperature"


def test_a_logit_is_held_where_it_can_come_back() -> None:
    gate = concrete("variational_dropout", [0.5] * 4)
    with torch.no_grad():
        gate.theta.copy_(torch.tensor([50.0, -50.0, 1.0, -1.0]))
    gate.after_step(1, 2)
    assert gate.theta.tolist() == [SATURATION, -SATURATION, 1.0, -1.0]


def test_droprank_trains_the_weights_on_the_full_input() -> None:
    gate = concrete("droprank", [0.01] * 4)
    x_BC = torch.randn(6, LAYOUT.total)
    assert gate(x_BC, frozen=True) is x_BC
    torch.testing.assert_close(gate.baseline.mean_C, x_BC.mean(0))
    assert not torch.equal(gate.forward_held_out(x_BC), x_BC)


def test_fscd_penalizes_complexity_by_hand() -> None:
    """Costs 4, 2, 3, 2, dims 1, 2, 3, 2, and table rows 1, 5, 1, 3, each in its mean; then all in theirs."""
    gate = concrete("fscd", [0.3, 0.5, 0.8, 0.6], alpha=0.1)
    assert isinstance(gate, FscdGate)
    logs = [0.0, math.log(5), 0.0, math.log(3)]
    raw = [
        cost / 2.75 + dim / 2 + log / (sum(logs) / 4)
        for cost, dim, log in zip((4, 2, 3, 2), (1, 2, 3, 2), logs, strict=True)
    ]
    expected = [each / (sum(raw) / 4) for each in raw]
    assert gate.complexity_F.tolist() == pytest.approx(expected)
    assert gate.penalty_weights().tolist() == pytest.approx([0.1 * each for each in expected])
    assert gate.regularizer().item() == pytest.approx(
        0.1 * sum(weight * keep for weight, keep in zip(expected, (0.3, 0.5, 0.8, 0.6), strict=True))
    )


def test_fscd_a_features_penalty_is_the_log_odds_of_its_prior() -> None:
    """α_j = log(1 − θ_j) − log θ_j with θ_j = 1 − σ(c_j) is c_j."""
    gate = build("fscd", alpha=1.0).double()
    assert isinstance(gate, FscdGate)
    prior_F = gate.prior()
    torch.testing.assert_close(torch.log(1 - prior_F) - torch.log(prior_F), gate.penalty_weights())


def test_fscd_knows_dims_alone_without_a_spec() -> None:
    gate = FscdSpec(name="fscd").build(LAYOUT, Baseline(LAYOUT), ["list"])
    assert gate.complexity_F[:3].tolist() == pytest.approx([0.5, 1.0, 1.5])
    assert gate.penalty_weights()[3].item() == 0
    with pytest.raises(ValueError, match="at least one a weight"):
        FscdSpec(name="fscd", cost_weight=0, dim_weight=0, rows_weight=0)
