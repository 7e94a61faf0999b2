"""Gates on dims, by hand: a permutation, a divergence and a penalty for each column."""

import pytest
import torch

from sharding.layout import FeatureLayout
from tests.support.gates import LAYOUT, build, context
from trainers.models.baseline import Baseline
from trainers.selectors.base import GateSpec
from trainers.selectors.gates.base import Gate
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.leap.gate import LeapGate
from trainers.selectors.registry import SELECTORS

TWO = FeatureLayout.from_dims({"age": 1, "clip": 3})
NAMES = [name for name, kind in SELECTORS.items() if issubclass(kind, GateSpec) and kind.gates_dims]


def by_dim(**options: object) -> LeapGate:
    return LeapGate(TWO, LeapSpec.model_validate({"granularity": "dim", **options}))


def test_a_divergence_and_a_penalty_a_column() -> None:
    """Two rows always change places: Δ_c is the distance of the two numbers."""
    gate = by_dim(divergence="raw", alpha=0.5, clip=(0.1, 100.0))
    x_BC = torch.tensor([[1.0, 0.0, 2.0, 5.0], [4.0, 0.0, 1.0, 5.5]])
    gate(x_BC)
    torch.testing.assert_close(gate.divergence_F, torch.tensor([3.0, 0.0, 1.0, 0.5]))
    # α · F/C, so that 4 gates cost what 2 would.
    expected = 0.5 * 2 / 4 * torch.tensor([3.0, 0.1, 1.0, 0.5])
    torch.testing.assert_close(gate.penalty_weights(), expected)
    torch.testing.assert_close(gate.penalty(), (expected * 0.9).sum())


def test_in_units_of_a_columns_deviation_no_scale_counts() -> None:
    gate = by_dim(alpha=1.0)
    gate.expect(100)
    gate(torch.tensor([[1.0, 0.0, 2.0, 5.0], [4.0, 900.0, 1.0, 5.001]]))
    # Of two rows, Δ is d and σ is d/√2.
    torch.testing.assert_close(gate.counted_divergence(), torch.full((4,), 2**0.5), rtol=1e-3, atol=0)
    torch.testing.assert_close(gate.penalty_weights(), torch.full((4,), 2**0.5 * 2 / 4), rtol=1e-3, atol=0)


def test_columns_of_a_feature_are_permuted_apart() -> None:
    gate = by_dim(initial_gate=0.5)
    rows = 256
    x_BC = torch.arange(rows).float()[:, None].expand(-1, 4).contiguous()
    torch.manual_seed(0)
    from_BC = (2 * gate(x_BC).detach() - x_BC).round().long()  # x' = (x̃ − g x)/(1 − g)
    for column in from_BC.T:
        assert sorted(column.tolist()) == list(range(rows))
    assert (from_BC[:, 1] != from_BC[:, 2]).float().mean() > 0.9


def test_as_a_gate_over_features_of_one_dim_each() -> None:
    """The same numbers but for α, which counts features."""
    apart = LeapGate(TWO.by_dim(), LeapSpec(alpha=0.5))
    gate = by_dim(alpha=1.0)
    x_BC = torch.randn(64, 4)
    for each in (apart, gate):
        torch.manual_seed(3)
        each.found = each(x_BC), each.forward_held_out(x_BC), each.penalty()  # type: ignore[assignment]
        each.eval()
    for ours, theirs in zip(gate.found, apart.found, strict=True):  # type: ignore[arg-type]
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gate(x_BC), apart(x_BC))


@pytest.mark.parametrize("name", NAMES)
def test_a_closed_dim_stands_at_its_mean_and_the_others_as_they_are(name: str) -> None:
    gate = build(name, granularity="dim")
    assert len(gate.units) == LAYOUT.total == 8
    gate.baseline.mean_C.copy_(torch.linspace(1, 2, 8))
    (parameter,) = gate.learned_parameters()
    assert parameter.shape == (8,)
    closed = [2, 5]
    with torch.no_grad():
        parameter.fill_(100.0)
        parameter[closed] = 0.0 if name == "lpfs" else -100.0
    gate.eval()
    x_BC = torch.randn(4, 8)
    out_BC = gate(x_BC, context())
    torch.testing.assert_close(out_BC[:, closed], gate.baseline.mean_C[closed].expand(4, -1), atol=1e-4, rtol=1e-4)
    rest = [column for column in range(8) if column not in closed]
    torch.testing.assert_close(out_BC[:, rest], x_BC[:, rest], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_all_open_gates_cost_the_same_on_dims_as_on_features(name: str) -> None:
    def cost(gate: Gate) -> float:
        (parameter,) = gate.learned_parameters()
        with torch.no_grad():
            parameter.fill_(100.0)
        if name == "leap":
            gate.divergence_F.fill_(1.0)
            gate.variance_F.fill_(1.0)
        return float(gate.regularizer().detach())

    alpha = {} if name == "autofield" else {"alpha": 0.25}
    wide, narrow = cost(build(name, **alpha)), cost(build(name, granularity="dim", **alpha))
    assert wide == pytest.approx(narrow, rel=1e-4)
    assert wide > 0 or name == "autofield"


def test_essential_features_hold_all_their_dims_open() -> None:
    gate = LeapGate(TWO, LeapSpec(granularity="dim", initial_gate=0.3), essential=["clip"])
    torch.testing.assert_close(gate.scores(), torch.tensor([0.3, 1.0, 1.0, 1.0]))
    assert gate.penalty_weights()[1:].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="'clip:1' is not a feature"):
        LeapGate(TWO, LeapSpec(granularity="dim"), essential=["clip:1"])


def test_a_feature_has_the_score_of_its_best_dim_and_the_mean_of_its_details() -> None:
    gate = LeapGate(TWO, LeapSpec(granularity="dim"), baseline=Baseline(TWO))
    with torch.no_grad():
        gate.theta.copy_(torch.tensor([0.2, 0.7, 0.4, 0.6]).logit() * 0.2)
    torch.testing.assert_close(gate.feature_scores(), torch.tensor([0.2, 0.7]))
    torch.testing.assert_close(gate.by_feature(torch.tensor([5.0, 1.0, 2.0, 6.0]), "mean"), torch.tensor([5.0, 3.0]))
    whole = LeapGate(TWO)
    torch.testing.assert_close(whole.feature_scores(), whole.scores())
