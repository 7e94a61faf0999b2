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


NAMES = ("replacement", "ramp", "weight", "divergence", "clip", "order")


def spec(**selector: Any) -> JobSpec:
    return parse_spec({**DATA, "selector": selector})


def options(of: Any) -> dict[str, Any]:
    return {name: getattr(of, name) for name in NAMES if hasattr(of, name)}


def test_the_paper_s_options_go_by_one_name_and_options_given_beside_it_win() -> None:
    own = {"replacement": "blended", "ramp": 0.8, "order": "elimination"}
    published = {"replacement": "permuted", "ramp": 0.0, "weight": 3e-4, "order": "score"}
    assert options(LeapBaseSpec()) == {**own, "weight": 3e-4}
    assert options(LeapBaseSpec(variant="paper")) == published
    own |= {"weight": 4e-4, "divergence": "normalized", "clip": None}
    published |= {"divergence": "raw", "clip": (1e-6, 1e6)}
    assert options(LeapSpec()) == own
    assert options(LeapSpec(variant="paper")) == published
    assert options(LeapSpec(variant="paper", order="elimination")) == published | {"order": "elimination"}
    assert options(spec(variant="paper", alpha=0.01).selector) == published | {"weight": 0.01}
    assert options(spec(variant="paper", stand_in="blended").selector)["replacement"] == "blended", "the old key"


def test_numbers_chosen_for_raw_divergences_and_for_a_steered_penalty_keep_their_meaning() -> None:
    assert LeapSpec(clip=(1.5, 100.0)).divergence == "raw"
    assert LeapSpec(clip=(0.1, 1.0), divergence="normalized").divergence == "normalized"
    assert LeapSpec(divergence="raw").clip_for(10**9) == (1.5, 100.0)
    assert LeapSpec(clip=(0.1, 1.0)).clip_for(10**9) == (0.1, 1.0)
    assert (LeapSpec(target_dims=0.5).ramp, LeapSpec(target_dims=0.5, ramp=0.3).ramp) == (0.0, 0.3)


def test_every_divergence_is_paid_for_and_what_replaces_a_value_is_permuted() -> None:
    gate = LeapGate(FeatureLayout.from_dims({"rare": 1, "wide": 2}), LeapSpec(variant="paper", alpha=0.5))
    gate.divergence_F.copy_(torch.tensor([0.02, 500.0]))
    torch.testing.assert_close(gate.penalty_weights(), torch.tensor([0.01, 250.0]))
    clipped = LeapGate(FeatureLayout.from_dims({"rare": 1, "wide": 2}), LeapSpec(alpha=0.5, clip=(1.5, 100.0)))
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
