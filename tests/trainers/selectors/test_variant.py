"""`variant: paper`: LeAP as published, by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sharding.layout import FeatureLayout
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.leap.gate import LeapGate
from trainers.selectors.gates.leap_base import LeapBaseSpec
from trainers.spec import JobSpec, parse_spec
from trainers.spec.consistency import find_unread

DATA: dict[str, Any] = {
    "dataset": {"train": "t", "splits": {}},
    "features": [{"name": name, "kind": "dense"} for name in "ab"],
}


def spec(**selector: Any) -> JobSpec:
    return parse_spec({**DATA, "selector": selector})


def options(of: Any) -> dict[str, Any]:
    return {name: getattr(of, name) for name in ("replacement", "clip", "order") if hasattr(of, name)}


def test_the_paper_s_options_go_by_one_name_and_options_given_beside_it_win() -> None:
    own = {"replacement": "blended", "clip": (1.5, 100.0), "order": "elimination"}
    published = {"replacement": "permuted", "clip": (1e-6, 1e6), "order": "score"}
    assert options(LeapSpec()) == own
    assert options(LeapSpec(variant="paper")) == published
    assert options(LeapSpec(variant="paper", order="elimination")) == published | {"order": "elimination"}
    assert options(spec(variant="paper", alpha=0.01).selector) == published
    assert options(LeapBaseSpec(variant="paper")) == {"replacement": "permuted", "order": "score"}
    assert options(spec(variant="paper", stand_in="blended").selector)["replacement"] == "blended", "the old key"


def test_every_divergence_is_paid_for_and_what_replaces_a_value_is_permuted() -> None:
    gate = LeapGate(FeatureLayout.from_dims({"rare": 1, "wide": 2}), LeapSpec(variant="paper", alpha=0.5))
    gate.divergence_F.copy_(torch.tensor([0.02, 500.0]))
    torch.testing.assert_close(gate.penalty_weights(), torch.tensor([0.01, 250.0]))
    clipped = LeapGate(FeatureLayout.from_dims({"rare": 1, "wide": 2}), LeapSpec(alpha=0.5))
    clipped.divergence_F.copy_(gate.divergence_F)
    torch.testing.assert_close(clipped.penalty_weights(), torch.tensor([0.75, 50.0]))
    # Two rows, so that the permutation swaps them: x + (1 - g)(x' - x), whatever the running mean.
    x_BC = torch.tensor([[0.0, 1.0, 1.0], [10.0, 3.0, 3.0]])
    gate.baseline.mean_C.fill_(-7.0)
    with torch.no_grad():
        found_BC = gate.forward_held_out(x_BC)
    g = gate.scores()[0].item()
    torch.testing.assert_close(found_BC[:, 0], torch.tensor([10 * (1 - g), 10 * g]))


def test_a_saved_spec_is_the_same_variant_and_nothing_in_it_is_told_to_win() -> None:
    before = spec(variant="paper")
    after = parse_spec(before.model_dump(mode="json"))
    assert after == before
    assert find_unread(after) == find_unread(spec())


@pytest.mark.parametrize("name", ["leap", "leap_base"])
def test_an_option_that_wins_over_the_variant_is_told(name: str) -> None:
    (line,) = find_unread(spec(name=name, variant="paper", order="elimination"))
    assert line == (
        "selector.variant: paper has order score, and the spec has elimination, which wins; leave order out for the "
        "paper's own"
    )
