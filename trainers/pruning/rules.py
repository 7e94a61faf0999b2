"""From scores to decisions. One function a rule; essential features stay, and one feature always does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainers.pruning.curve import FeatureScore, ranked, smallest_within
from trainers.runs.results import CurvePoint
from trainers.spec import PruneSpec

Kept = set[str]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Keep or prune, and the rule that said so."""

    name: str
    keep: bool
    why: str


def decide(scores: Sequence[FeatureScore], rule: PruneSpec, curve: Sequence[CurvePoint]) -> list[Decision]:
    """A decision for every feature, in the order of the ranking."""
    order = ranked(scores)
    kept = RULES[rule.rule](order, rule, curve)
    if not kept:
        kept = {order[0].name}
        return [Decision(name=s.name, keep=s.name in kept, why="best" if s.name in kept else rule.rule) for s in order]
    return [
        Decision(
            name=score.name,
            keep=score.essential or score.name in kept,
            why="essential" if score.essential else rule.rule,
        )
        for score in order
    ]


def _threshold(order: list[FeatureScore], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Absolute thresholding (LeAP §3.4)."""
    return {score.name for score in order if score.essential or score.score >= rule.threshold}


def _top_k(order: list[FeatureScore], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Proportional ranking (LeAP §3.4): the k best, essential features counted among them."""
    assert rule.top_k is not None
    return {score.name for score in order[: rule.top_k]}


def _dims(order: list[FeatureScore], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """By score until the share of dims is spent. A feature too wide for what is left is passed over, and narrower
    ones after it may still come in: the budget is for dims, and leaving it unspent helps nobody."""
    assert rule.share is not None
    left = int(rule.share * sum(score.dim for score in order) + 1e-9)
    kept = set()
    for score in order:
        if score.essential or score.dim <= left:
            kept.add(score.name)
            left -= score.dim
    return kept


def _curve(order: list[FeatureScore], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """The fewest features whose quality is within `delta` of that of all; points are prefixes of the ranking."""
    return {score.name for score in order[: smallest_within(curve, rule.delta).features]}


RULES: dict[str, Callable[[list[FeatureScore], PruneSpec, Sequence[CurvePoint]], Kept]] = {
    "threshold": _threshold,
    "top_k": _top_k,
    "dims": _dims,
    "curve": _curve,
}
