"""From scores and decisions to the parts of a prune list."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trainers.pruning.curve import FeatureScore
from trainers.pruning.rules import Decision
from trainers.runs.prune_list import ListedFeature, Totals
from trainers.runs.results import FeatureWeight


def list_features(scores: Sequence[FeatureScore], decisions: Sequence[Decision]) -> tuple[ListedFeature, ...]:
    """Features with their decisions, in the order of the decisions."""
    by_name = {score.name: score for score in scores}
    return tuple(_list_feature(by_name[decision.name], decision) for decision in decisions)


def _list_feature(score: FeatureScore, decision: Decision) -> ListedFeature:
    return ListedFeature(
        name=score.name,
        kind=score.kind,
        dim=score.dim,
        score=score.score,
        details={**score.details, "mean_gate": score.mean_gate},
        decision="keep" if decision.keep else "prune",
        why=decision.why,
    )


def list_weights(scores: Sequence[FeatureScore], decisions: Sequence[Decision]) -> tuple[FeatureWeight, ...]:
    """What each feature weighs in the full model, in the order of the decisions; the sparsity isn't known here."""
    by_name = {score.name: score for score in scores}
    return tuple(
        FeatureWeight(
            name=score.name,
            dim=score.dim,
            embedding_bytes=score.embedding_bytes,
            bytes_per_example=score.bytes_per_example,
            sparsity=None,
        )
        for score in (by_name[decision.name] for decision in decisions)
    )


def sum_totals(scores: Sequence[FeatureScore], kept: Collection[str]) -> Totals:
    """What the features named in `kept` weigh together."""
    chosen = [score for score in scores if score.name in kept]
    return Totals(
        features=len(chosen),
        dims=sum(score.dim for score in chosen),
        embedding_bytes=sum(score.embedding_bytes for score in chosen),
        bytes_per_example=sum(score.bytes_per_example for score in chosen),
    )
