"""From ranked features and decisions to the parts of a prune list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trainers.pruning.ranking import RankedFeature, weigh
from trainers.pruning.rules import Decision
from trainers.runs.prune_list import ListedFeature, Totals
from trainers.runs.results import FeatureWeight
from trainers.spec import FeatureSpec


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
            kept_dims=feature.kept_dims,
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


def sum_totals(features: Iterable[FeatureSpec]) -> Totals:
    """What features weigh together."""
    weights = [(feature.width, *weigh(feature)) for feature in features]
    return Totals(
        features=len(weights),
        dims=sum(dims for dims, _, _ in weights),
        embedding_bytes=sum(table for _, table, _ in weights),
        bytes_per_example=sum(read for _, _, read in weights),
    )
