"""What all gates that mask do alike: over unequal dims, with essential features, frozen, and in evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support.gates import FEATURES, LAYOUT, build, context
from trainers.selectors.base import GateSpec
from trainers.selectors.gates.mask import MaskGate
from trainers.selectors.gates.mask_options import MaskGateSpec
from trainers.selectors.registry import SELECTORS

MASKS = [name for name, kind in SELECTORS.items() if issubclass(kind, MaskGateSpec)]
BEGIN = {each.name: LAYOUT.offsets[at] for at, each in enumerate(FEATURES)}


def begun(name: str, **options: Any) -> MaskGate:
    """After its warm-up, at the middle of the search, having seen two batches."""
    gate = build(name, **options)
    assert isinstance(gate, MaskGate)
    for _ in range(2):
        gate(torch.randn(4, LAYOUT.total), context())
    gate.forward_held_out(torch.randn(4, LAYOUT.total), context())
    gate.after_step(50, 100)
    return gate


@pytest.mark.parametrize("name", MASKS)
def test_essential_features_pass_untouched(name: str) -> None:
    gate = begun(name, essential=["vector", "id"])
    x_BC = torch.randn(4, LAYOUT.total)
    for found_BC in (gate(x_BC, context()), gate.forward_held_out(x_BC, context()), gate.eval()(x_BC, context())):
        torch.testing.assert_close(found_BC[:, 1:6], x_BC[:, 1:6])
    assert gate.scores()[1:3].tolist() == [1.0, 1.0]
    assert ((gate.scores() >= 0) & (gate.scores() <= 1)).all()


@pytest.mark.parametrize("name", MASKS)
def test_all_features_may_be_essential(name: str) -> None:
    gate = begun(name, essential=list(LAYOUT.names))
    x_BC = torch.randn(4, LAYOUT.total)
    torch.testing.assert_close(gate(x_BC, context()), x_BC)
    loss = gate.forward_held_out(x_BC, context()).sum() + gate.regularizer()
    gradients = torch.autograd.grad(loss, gate.learned_parameters())
    assert all((gradient == 0).all() for gradient in gradients)


@pytest.mark.parametrize("name", MASKS)
def test_evaluation_is_deterministic_and_takes_each_row_on_its_own(name: str) -> None:
    gate = begun(name).eval()
    x_BC = torch.randn(4, LAYOUT.total)
    with torch.no_grad():
        found_BC = gate(x_BC, context())
        torch.testing.assert_close(gate(x_BC, context()), found_BC, rtol=0, atol=0)
        x_BC[0] += 5
        torch.testing.assert_close(gate(x_BC, context())[1:], found_BC[1:])


@pytest.mark.parametrize("name", MASKS)
def test_frozen_gates_get_no_gradient_and_the_input_does(name: str) -> None:
    gate = begun(name)
    x_BC = torch.randn(4, LAYOUT.total, requires_grad=True)
    gate(x_BC, context(), frozen=True).sum().backward()
    assert x_BC.grad is not None
    assert x_BC.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in gate.learned_parameters())


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("replacement", ["mean", "zero"])
def test_a_closed_feature_stands_at_its_mean_or_at_zero(name: str, replacement: str) -> None:
    gate = build(name, replacement=replacement)
    assert isinstance(gate, MaskGate)
    x_BC = torch.randn(4, LAYOUT.total)
    gate.baseline.observe(x_BC)
    masked_BC = gate.mask(x_BC, torch.tensor([1.0, 0.0, 0.5, 0.25])) if name not in ("adafs", "mvfs") else None
    if masked_BC is None:
        gate.after_step(1, 100)
        masked_BC = gate.mask(x_BC, torch.tensor([1.0, 0.0, 0.5, 0.25]))
    stands_C = x_BC.mean(0) if replacement == "mean" else torch.zeros(LAYOUT.total)
    for (start, stop), weight in zip(LAYOUT.offsets, (1.0, 0.0, 0.5, 0.25), strict=True):
        expected = weight * x_BC[:, start:stop] + (1 - weight) * stands_C[start:stop]
        torch.testing.assert_close(masked_BC[:, start:stop], expected)


@pytest.mark.parametrize("name", MASKS)
def test_a_wrong_width_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="x has 3 columns and the layout 8"):
        build(name)(torch.randn(4, 3), context())


@pytest.mark.parametrize("name", MASKS)
def test_features_are_ordered_by_their_scores_unless_told_otherwise(name: str) -> None:
    spec = SELECTORS[name].model_validate({"name": name})
    assert isinstance(spec, GateSpec)
    assert spec.order == "score"
    assert SELECTORS[name].model_validate({"name": name, "order": "elimination"}).model_dump()["order"] == "elimination"
