"""The LeAP gate against hand-computed values, finite differences, and the paper's claims on data."""

import importlib
import math

import pytest
import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.leap.gate import LeapGate
from trainers.selectors.gates.leap_base import LeapBaseSpec
from trainers.selectors.gates.leap_base.gate import LeapBaseGate
from trainers.selectors.gates.permutation import STEERING, PermutationGate
from trainers.selectors.gates.permutation_options import PermutationGateSpec


def layout(**dims: int) -> FeatureLayout:
    return FeatureLayout.from_dims(dims)


def set_gates(gate: PermutationGate, values: list[float]) -> None:
    with torch.no_grad():
        gate.theta.copy_(torch.tensor(values).logit() * gate.config.temperature)


def test_gate_is_the_tempered_sigmoid() -> None:
    gate = LeapGate(layout(a=1, b=2), LeapSpec(temperature=0.5))
    with torch.no_grad():
        gate.theta.copy_(torch.tensor([0.0, 1.0]))
    assert gate.scores().tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-2.0))])


def test_every_gate_begins_where_the_spec_says() -> None:
    gate = LeapGate(layout(a=1, b=256), LeapSpec(initial_gate=0.7))
    assert gate.scores().tolist() == pytest.approx([0.7, 0.7])


def test_training_output_is_the_convex_combination() -> None:
    gate = LeapGate(layout(a=1))
    set_gates(gate, [0.75])
    x_BC = torch.tensor([[1.0], [5.0]])
    assert gate(x_BC).flatten().tolist() == pytest.approx([0.75 * 1 + 0.25 * 5, 0.75 * 5 + 0.25 * 1])


def test_gradient_reaches_x_through_the_kept_part_only() -> None:
    gate = LeapGate(layout(a=1, b=2))
    set_gates(gate, [0.75, 0.2])
    for frozen in (False, True):
        x_BC = torch.randn(6, 3, requires_grad=True)
        gate(x_BC, frozen=frozen).sum().backward()
        assert x_BC.grad is not None
        torch.testing.assert_close(x_BC.grad, torch.tensor([0.75, 0.2, 0.2]).expand(6, 3))


def test_frozen_gates_take_statistics_and_no_gradient() -> None:
    gate = LeapGate(layout(a=2))
    gate(torch.randn(4, 2, requires_grad=True), frozen=True).sum().backward()
    assert gate.theta.grad is None
    assert gate.seen == 1


def test_on_held_out_rows_the_replacement_goes_from_a_permuted_value_to_the_mean_as_the_gate_closes() -> None:
    gate = LeapGate(layout(open=1, closing=1))
    set_gates(gate, [0.75, 0.25])
    with torch.no_grad():
        gate.baseline.mean_C.copy_(torch.tensor([9.0, 2.0]))
    x_BC = torch.tensor([[1.0, 1.0], [5.0, 5.0]])
    found = gate.forward_held_out(x_BC)
    other, another = 9 + 0.75 * (5 - 9), 9 + 0.75 * (1 - 9)
    assert found[:, 0].tolist() == pytest.approx([0.75 * 1 + 0.25 * other, 0.75 * 5 + 0.25 * another])
    other, another = 2 + 0.25 * (5 - 2), 2 + 0.25 * (1 - 2)
    assert found[:, 1].tolist() == pytest.approx([0.25 * 1 + 0.75 * other, 0.25 * 5 + 0.75 * another])
    assert gate.seen == 0
    paper = LeapGate(layout(open=1, closing=1), LeapSpec(replacement="permuted"))
    set_gates(paper, [0.75, 0.25])
    assert paper.forward_held_out(x_BC)[:, 1].tolist() == pytest.approx([0.25 * 1 + 0.75 * 5, 0.25 * 5 + 0.75 * 1])


@pytest.mark.parametrize(("replacement", "low", "high"), [("blended", 0.0, 0.1), ("permuted", 0.4, 0.6)])
def test_a_memorized_feature_closes_only_where_the_mean_replaces_it(replacement: str, low: float, high: float) -> None:
    """Weights that know noise by heart: on held-out rows x̃ adds (x̃)² to the loss, whatever the label."""
    torch.manual_seed(0)
    gate = LeapGate(layout(noise=1), LeapSpec.model_validate({"replacement": replacement, "alpha": 1e-4}))
    optimizer = torch.optim.Adam([gate.theta], lr=0.01)
    for _ in range(600):
        x_BC = torch.randn(512, 1)
        with torch.no_grad():
            gate(x_BC)
        loss = gate.forward_held_out(x_BC).pow(2).mean() + gate.penalty()
        (gate.theta.grad,) = torch.autograd.grad(loss, gate.theta)
        optimizer.step()
        gate.after_step(0, 1)
    assert low <= gate.scores().item() <= high


def test_gradient_of_theta_agrees_with_finite_differences() -> None:
    gate = LeapGate(layout(a=1, b=3, c=3), LeapSpec(alpha=0.1)).double()
    set_gates(gate, [0.3, 0.6, 0.9])
    x_BC, weight_BC = torch.randn(8, 7).double(), torch.randn(8, 7).double()

    def objective() -> torch.Tensor:
        torch.manual_seed(3)
        gate.seen.zero_()
        return (gate(x_BC) * weight_BC).pow(2).sum() + gate.penalty()

    (analytic,) = torch.autograd.grad(objective(), gate.theta)
    numeric = []
    for i in range(3):
        with torch.no_grad():
            gate.theta[i] += 1e-6
            above = objective()
            gate.theta[i] -= 2e-6
            below = objective()
            gate.theta[i] += 1e-6
        numeric.append(((above - below) / 2e-6).item())
    assert analytic.tolist() == pytest.approx(numeric, rel=1e-5)


def test_divergence_and_its_average_by_hand() -> None:
    gate = LeapGate(layout(a=1, b=2), LeapSpec(ema=0.9, clip=(0.01, 4.0), alpha=0.5))
    gate(torch.tensor([[0.0, 0.0, 0.0], [2.0, 3.0, 4.0]]))  # with two rows each goes to the other's place
    assert gate.divergence_F.tolist() == pytest.approx([2.0, 5.0])
    gate(torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    assert gate.divergence_F.tolist() == pytest.approx([0.9 * 2 + 0.1 * 1, 0.9 * 5])
    assert gate.baseline.mean_C.tolist() == pytest.approx([0.9 * 1 + 0.1 * 0.5, 0.9 * 1.5, 0.9 * 2])
    assert gate.penalty_weights().tolist() == pytest.approx([0.5 * 1.9, 0.5 * 4.0])  # 4.5 is clipped to 4
    set_gates(gate, [0.25, 0.5])
    assert gate.penalty().item() == pytest.approx(0.95 * 0.25 + 2.0 * 0.5)


def test_a_normalized_divergence_by_hand() -> None:
    gate = LeapGate(layout(a=1, b=2), LeapSpec(ema=0.5, alpha=0.5))
    gate(torch.tensor([[0.0, 0.0, 0.0], [2.0, 3.0, 4.0]]))
    # Variances with n - 1: 2 and 4.5 + 8 = 12.5, so that two rows have a divergence of √2 whatever their scale.
    assert gate.variance_F is not None
    assert gate.variance_F.tolist() == pytest.approx([2.0, 12.5])
    assert gate.details()["divergence"].tolist() == pytest.approx([2**0.5, 2**0.5])
    gate(torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    assert gate.details()["divergence"].tolist() == pytest.approx([1.5 / 1.25**0.5, 2.5 / 6.25**0.5])
    assert gate.penalty_weights().tolist() == pytest.approx([0.5 * 1.5 / 1.25**0.5, 0.5 * 1.0])


def test_neither_scale_nor_dim_is_paid_for_and_rare_values_pay_by_the_root_of_their_share() -> None:
    torch.manual_seed(0)
    rows, share = 100_000, 0.02
    rare_B = (torch.rand(rows) < share).float()
    gate = LeapGate(layout(normal=1, scaled=1, wide=64, rare=1, constant=1), LeapSpec(ema=0.0, alpha=1.0))
    normal_B = torch.randn(rows)
    x_BC = torch.cat(
        [normal_B[:, None], 1000 * normal_B[:, None], torch.randn(rows, 64), rare_B[:, None], torch.ones(rows, 1)], 1
    )
    gate(x_BC)
    assert gate.penalty_weights().tolist()[3:] == [1.0, 1.0], "10,000 rows tell nothing of features so rare"
    gate.expect(250_000)
    normal, scaled, wide, rare, constant = gate.penalty_weights().tolist()
    assert normal == pytest.approx(2 / math.pi**0.5, rel=0.02)
    assert scaled == pytest.approx(normal, rel=0.02)  # permuted on its own
    assert wide == pytest.approx(2**0.5, rel=0.01)
    assert rare == pytest.approx(2 * share**0.5, rel=0.1)
    assert constant == pytest.approx(0.2), "the least that counts"


def test_uniform_penalty_is_alpha_times_the_sum_of_gates() -> None:
    gate = LeapBaseGate(layout(a=1, b=2), LeapBaseSpec(alpha=0.5))
    gate(torch.randn(4, 3))
    set_gates(gate, [0.25, 0.5])
    assert gate.regularizer().item() == pytest.approx(0.375)


def test_penalty_does_not_depend_on_the_batch_size() -> None:
    torch.manual_seed(0)
    penalties = []
    for rows in (64, 1024):
        gate = LeapGate(layout(a=1, b=8))
        for _ in range(400):
            gate(torch.randn(rows, 9))
        penalties.append(gate.penalty().item())
    assert penalties[0] == pytest.approx(penalties[1], rel=0.02)


def test_essential_features_pass_untouched_and_unpriced() -> None:
    gate = LeapGate(layout(a=1, b=2), essential=["b"])
    x_BC = torch.randn(5, 3)
    torch.testing.assert_close(gate(x_BC)[:, 1:], x_BC[:, 1:])
    gate.penalty().backward()
    assert gate.theta.grad is not None
    assert gate.theta.grad[1] == 0
    assert gate.penalty_weights()[1] == 0
    with pytest.raises(ValueError, match="'c' is not a feature"):
        LeapGate(layout(a=1), essential=["c"])


def test_a_model_of_ones_own_names_features_as_it_likes() -> None:
    names = {"user:id": 2, "a:0": 1, "a": 1}
    gate = LeapGate(FeatureLayout.from_dims(names), essential=["a:0"])
    assert gate.learned_F.tolist() == [True, False, True]


def test_evaluation_is_deterministic_and_row_by_row() -> None:
    gate = LeapGate(layout(a=1, b=2))
    gate(torch.randn(64, 3) + 3)
    set_gates(gate, [0.25, 0.5])
    gate.eval()
    x_BC = torch.randn(8, 3)
    whole = gate(x_BC)
    torch.testing.assert_close(torch.cat([gate(row[None]) for row in x_BC]), whole)
    torch.testing.assert_close(whole[:, 0], 0.25 * x_BC[:, 0] + 0.75 * gate.baseline.mean_C[0])


def test_a_batch_that_cannot_be_permuted_is_refused() -> None:
    gate = LeapGate(layout(a=1))
    with pytest.raises(ValueError, match="at least 2 rows"):
        gate(torch.randn(1, 1))
    with pytest.raises(ValueError, match="2 columns and the layout 1"):
        gate(torch.randn(4, 2))


def test_theta_is_held_where_it_can_come_back() -> None:
    gate = LeapGate(layout(a=1, b=1))
    with torch.no_grad():
        gate.theta.copy_(torch.tensor([50.0, -50.0]))
    gate.after_step(0, 1)
    assert gate.scores()[0] > 0.999
    assert gate.scores()[1] < 0.001
    assert gate.theta.abs().max() < 2.0


@pytest.mark.parametrize(("target", "grows"), [(0.2, True), (0.95, False)])
def test_the_controller_moves_alpha_towards_the_target(target: float, grows: bool) -> None:
    gate = LeapGate(layout(a=1, b=3), LeapSpec(target_dims=target))
    set_gates(gate, [0.4, 0.6])
    before = gate.alpha.item()
    gate.after_step(0, 100)
    assert gate.alpha.item() == before
    gate.after_step(1, 100)
    assert (gate.alpha.item() > before) == grows
    assert gate.alpha.item() == pytest.approx(before * math.exp(STEERING / 100 * (0.75 - target)), rel=1e-5)


def test_runs_join_neighbours_of_equal_dim() -> None:
    assert layout(a=1, b=1, c=4).runs == ((slice(0, 2), slice(0, 2), 1), (slice(2, 3), slice(2, 6), 4))


class Data:
    """y from a strong scalar, a weak direction of a wide vector and a rare flag; the rest says nothing."""

    dims = FeatureLayout.from_dims({"scalar": 1, "constant": 1, "rare": 1, "noise": 1, "wide": 256, "wide_noise": 256})

    def __init__(self, rows: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.x_BC = torch.randn(rows, self.dims.total, generator=draw)
        self.x_BC[:, self.dims.slice("constant")] = 0.0
        rare_B = (torch.rand(rows, generator=draw) < 0.01).float()
        self.x_BC[:, self.dims.slice("rare")] = ((rare_B - 0.01) / math.sqrt(0.01 * 0.99))[:, None]
        wide_B = self.x_BC[:, self.dims.slice("wide")][:, :16].sum(1) / 4
        logit_B = 0.2 * self.x_BC[:, 0] + 1.2 * wide_B + 3.0 * rare_B - 0.3
        self.y_B = (torch.rand(rows, generator=draw) < logit_B.sigmoid()).float()


def search(config: PermutationGateSpec, steps: int = 1500) -> dict[str, float]:
    """Bilevel training of a gate in front of a small network; the gates at the end."""
    torch.manual_seed(0)
    train, held_out = Data(40_000, 1), Data(20_000, 2)
    gate = config.build(Data.dims, Baseline(Data.dims), essential=())
    assert isinstance(gate, PermutationGate)
    network = nn.Sequential(nn.Linear(Data.dims.total, 16), nn.ReLU(), nn.Linear(16, 1))
    loss = nn.BCEWithLogitsLoss()
    weights = torch.optim.Adam(network.parameters(), lr=3e-3)
    gates = torch.optim.Adam([gate.theta], lr=0.01)
    for _ in range(steps):
        rows = torch.randint(40_000, (256,))
        weights.zero_grad()
        loss(network(gate(train.x_BC[rows], frozen=True))[:, 0], train.y_B[rows]).backward()
        weights.step()
        rows = torch.randint(20_000, (256,))
        gates.zero_grad()
        (loss(network(gate(held_out.x_BC[rows]))[:, 0], held_out.y_B[rows]) + gate.regularizer()).backward()
        gates.step()
        gate.after_step(0, 1)
    return dict(zip(Data.dims.names, gate.scores().tolist(), strict=True))


def test_adaptive_penalty_keeps_narrow_wide_and_rare_and_drops_the_rest() -> None:
    gates = search(LeapSpec(alpha=1e-3, clip=(0.1, 100)))
    assert min(gates["scalar"], gates["wide"], gates["rare"]) > 0.5
    assert max(gates["constant"], gates["noise"], gates["wide_noise"]) < 0.1


def test_uniform_penalty_of_equal_mean_hurts_a_useful_feature() -> None:
    """Δ of standard normals is 2Γ((d+1)/2)/Γ(d/2): 1.13 for d = 1, 22.6 for d = 256; rare 0.2, constant clipped."""
    mean = (1.13 + 0.1 + 0.2 + 1.13 + 22.6 + 22.6) / 6
    gates = search(LeapBaseSpec(alpha=1e-3 * mean))
    assert min(gates["scalar"], gates["wide"], gates["rare"]) < 0.1


def test_the_gate_answers_to_the_name_of_version_0_1() -> None:
    with pytest.warns(FutureWarning, match=r"trainers\.selectors\.gates\.leap\.gate"):
        gate = importlib.reload(importlib.import_module("trainers.gate"))
    assert gate.LeapGate is LeapGate
