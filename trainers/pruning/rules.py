"""From scores to decisions. One function a rule; essential features stay, and one feature always does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainers.pruning.budget import fill
from trainers.pruning.curve import smallest_within
from trainers.pruning.ranking import RankedFeature
from trainers.runs.results import CurvePoint
from trainers.spec import PruneSpec

Kept = set[str]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Keep or prune, and the rule that said so."""

    name: str
    keep: bool
    why: str


def decide(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> list[Decision]:
    """A decision for every feature, in the order of the ranking, which is that of `order`."""
    kept = RULES[rule.rule](order, rule, curve)
    if not kept:
        kept = {order[0].name}
        return [Decision(name=f.name, keep=f.name in kept, why="best" if f.name in kept else rule.rule) for f in order]
    return [
        Decision(
            name=feature.name,
            keep=feature.essential or feature.name in kept,
            why="essential" if feature.essential else rule.rule,
        )
        for feature in order
    ]


def _threshold(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Absolute thresholding (LeAP §3.4)."""
    return {feature.name for feature in order if feature.essential or feature.score >= rule.threshold}


def _top_k(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Proportional ranking (LeAP §3.4): the k best, essential features counted among them."""
    assert rule.top_k is not None
    return {feature.name for feature in order[: rule.top_k]}


def _budget(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """What fits into the rule's budget, along the ranking; see `fill`."""
    budget = rule.budget(sum(feature.dim for feature in order))
    assert budget is not None
    return fill(order, budget)


def _curve(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """The fewest features whose quality is within `delta` of that of all; points are prefixes of the ranking."""
    return {feature.name for feature in order[: smallest_within(curve, rule.delta).features]}


def _given(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """The features that the spec names: what a person chose, to be fine-tuned and measured."""
    assert rule.keep is not None
    return set(rule.keep)


RULES: dict[str, Callable[[Sequence[RankedFeature], PruneSpec, Sequence[CurvePoint]], Kept]] = {
    "threshold": _threshold,
    "top_k": _top_k,
    "dims": _budget,
    "budget": _budget,
    "curve": _curve,
    "given": _given,
}
