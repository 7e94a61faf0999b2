"""From ranked features and decisions to the parts of a prune list."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trainers.pruning.ranking import RankedFeature
from trainers.pruning.rules import Decision
from trainers.runs.prune_list import ListedFeature, Totals
from trainers.runs.results import FeatureWeight


def list_features(features: Sequence[RankedFeature], decisions: Sequence[Decision]) -> tuple[ListedFeature, ...]:
    """Features with their decisions, both in the order of the ranking."""
    return tuple(
        ListedFeature(
            name=feature.name,
            kind=feature.kind,
            dim=feature.dim,
            score=feature.score,
            details=dict(feature.details),
            decision="keep" if decision.keep else "prune",
            why=decision.why,
            copies=feature.copies,
            constant=feature.constant,
        )
        for feature, decision in zip(features, decisions, strict=True)
    )


def list_weights(features: Sequence[RankedFeature]) -> tuple[FeatureWeight, ...]:
    """What each feature weighs in the full model, in the order of the ranking; the sparsity isn't known here."""
    return tuple(
        FeatureWeight(
            name=feature.name,
            dim=feature.dim,
            embedding_bytes=feature.embedding_bytes,
            bytes_per_example=feature.bytes_per_example,
            sparsity=None,
            cost=feature.cost,
        )
        for feature in features
    )


def sum_totals(features: Sequence[RankedFeature], kept: Collection[str]) -> Totals:
    """What the features named in `kept` weigh together."""
    chosen = [feature for feature in features if feature.name in kept]
    return Totals(
        features=len(chosen),
        dims=sum(feature.dim for feature in chosen),
        embedding_bytes=sum(feature.embedding_bytes for feature in chosen),
        bytes_per_example=sum(feature.bytes_per_example for feature in chosen),
    )
