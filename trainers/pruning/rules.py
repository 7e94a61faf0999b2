"""From scores to decisions. One function a rule; essential features stay, and one feature always does.

Of exact copies the first that the rule keeps stays alone, and constant features go, under every rule but `given`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sharding.layout import split_dim
from trainers.pruning.budget import fill
from trainers.pruning.curve import smallest_within
from trainers.pruning.ranking import RankedFeature, distinct
from trainers.runs.prune_list import CONSTANT, COPY, MISSED
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
        return [
            Decision(name=f.name, keep=f.name in kept, why="best" if f.name in kept else _why(f, rule, kept))
            for f in order
        ]
    kept |= {feature.name for feature in order if feature.essential}
    return [Decision(name=f.name, keep=f.name in kept, why=_why(f, rule, kept)) for f in order]


def _why(feature: RankedFeature, rule: PruneSpec, kept: Kept) -> str:
    if feature.essential:
        return "essential"
    if rule.rule != "given" and feature.name not in kept:
        if feature.constant:
            return CONSTANT
        if kept & set(feature.copies):
            return COPY
    return MISSED if rule.rule == "threshold" and feature.name in kept and feature.score < rule.threshold else rule.rule


def _threshold(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Absolute thresholding (LeAP §3.4), and what held-out rows miss though its gate is closed."""

    def stays(feature: RankedFeature) -> bool:
        return feature.essential or feature.score >= rule.threshold or feature.missed

    return _names(distinct([feature for feature in order if stays(feature)]))


def _top_k(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """Proportional ranking (LeAP §3.4): the k best, essential features counted among them."""
    assert rule.top_k is not None
    return _names(distinct(order)[: rule.top_k])


def _budget(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """What fits into the rule's budget, along the ranking; see `fill`."""
    budget = rule.budget(sum(feature.dim for feature in order))
    assert budget is not None
    return fill(order, budget)


def _curve(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """The fewest features whose quality is within `delta` of that of all; points are prefixes without copies."""
    features = distinct(order)
    dims = accumulate(feature.dim for feature in features)
    most = smallest_within(curve, rule.delta).dims
    return {feature.name for feature, so_far in zip(features, dims, strict=True) if so_far <= most}


def _given(order: Sequence[RankedFeature], rule: PruneSpec, curve: Sequence[CurvePoint]) -> Kept:
    """The features that the spec names, or their dims: what a person chose, to be fine-tuned and measured."""
    assert rule.keep is not None
    some = rule.kept_dims or {}
    return {
        feature.name
        for feature in order
        for name, dim in [split_dim(feature.name)]
        if name in rule.keep and dim in some.get(name, [dim])
    }


def _names(features: Sequence[RankedFeature]) -> Kept:
    return {feature.name for feature in features}


RULES: dict[str, Callable[[Sequence[RankedFeature], PruneSpec, Sequence[CurvePoint]], Kept]] = {
    "threshold": _threshold,
    "top_k": _top_k,
    "dims": _budget,
    "budget": _budget,
    "curve": _curve,
    "given": _given,
}
