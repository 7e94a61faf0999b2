"""Features in the order of a ranking, with what each weighs. Rules and curve take this list and never sort it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainers.selectors.base import Ranking
from trainers.spec import DenseFeature, FeatureSpec, JobSpec
from trainers.spec.budget import Unit, table_bytes

# What an essential feature scores where scores lie in [0, 1].
NEEDED = 1.0


@dataclass(frozen=True, kw_only=True)
class RankedFeature:
    """What the selector found of a feature; `embedding_bytes` of its table's weights, 0 for dense ones; `cost` as the
    spec has it."""

    name: str
    kind: str
    dim: int
    score: float
    details: Mapping[str, float] = field(default_factory=dict)
    essential: bool = False
    embedding_bytes: int = 0
    bytes_per_example: float = 0.0
    cost: float | None = None

    def weight(self, unit: Unit) -> float:
        """What the feature takes of a budget; without a cost of its own it costs its dim."""
        cost = self.dim if self.cost is None else self.cost
        return {"dims": self.dim, "bytes": self.embedding_bytes, "cost": cost}[unit]


def rank_features(spec: JobSpec, ranking: Ranking) -> list[RankedFeature]:
    """Essential features first, then the others, both in the ranking's own order.

    Raises:
        ValueError: the ranking has other features than the spec.
    """
    features = {feature.name: feature for feature in spec.features}
    if features.keys() != set(ranking.names):
        (first, *_) = sorted(features.keys() ^ set(ranking.names))
        raise ValueError(
            f"selector {spec.selector.name}: {first!r} is in the {'spec' if first in features else 'ranking'} alone; "
            "a selector ranks every feature of the spec and no other"
        )
    ranked = [_ranked(spec, features[name], ranking) for name in ranking.names]
    return sorted(ranked, key=lambda feature: not feature.essential)


def weigh(feature: FeatureSpec) -> tuple[int, float]:
    """Bytes of a feature's embedding table, and bytes read of it per example."""
    return table_bytes(feature), feature.dim * 4 if isinstance(feature, DenseFeature) else 8


def _ranked(spec: JobSpec, feature: FeatureSpec, ranking: Ranking) -> RankedFeature:
    essential, (embedding_bytes, bytes_per_example) = spec.is_essential(feature), weigh(feature)
    return RankedFeature(
        name=feature.name,
        kind=feature.kind,
        dim=feature.dim,
        score=NEEDED if essential and ranking.probability_like else ranking.scores[feature.name],
        details={detail: values[feature.name] for detail, values in ranking.details.items() if feature.name in values},
        essential=essential,
        embedding_bytes=embedding_bytes,
        bytes_per_example=bytes_per_example,
        cost=feature.cost,
    )
