"""Features in the order of a ranking, with what each weighs. Rules and curve take this list and never sort it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainers.selectors.base import Ranking
from trainers.spec import DenseFeature, FeatureSpec, JobSpec
from trainers.spec.budget import Unit, table_bytes

# What an essential feature scores where scores lie in [0, 1].
NEEDED = 1.0


@dataclass(frozen=True, kw_only=True)
class RankedFeature:
    """What the selector found of a feature; `embedding_bytes` of its table's weights, 0 for dense ones; `cost` as the
    spec has it; `copies` are other features with the same values; a `constant` one has one value in every training row
    looked at."""

    name: str
    kind: str
    dim: int
    score: float
    details: Mapping[str, float] = field(default_factory=dict)
    essential: bool = False
    embedding_bytes: int = 0
    bytes_per_example: float = 0.0
    cost: float | None = None
    copies: tuple[str, ...] = ()
    constant: bool = False

    @property
    def missed(self) -> bool:
        """Whether held-out rows miss it though its gate is closed; over several seeds, for half of them."""
        return self.details.get("missed", 0.0) >= 0.5

    def weight(self, unit: Unit) -> float:
        """What the feature takes of a budget; without a cost of its own it costs its dim."""
        cost = self.dim if self.cost is None else self.cost
        return {"dims": self.dim, "bytes": self.embedding_bytes, "cost": cost}[unit]


def rank_features(
    spec: JobSpec,
    ranking: Ranking,
    copies: Collection[tuple[str, ...]] = (),
    constant: Collection[str] = (),
) -> list[RankedFeature]:
    """Essential features first, then the others, both in the ranking's own order.

    Args:
        spec: whose features they are.
        ranking: what the selector found.
        copies: groups of features with the same values.
        constant: features of one value.

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
    others = {name: tuple(each for each in group if each != name) for group in copies for name in group}
    ranked = [
        replace(feature, copies=others.get(feature.name, ()), constant=feature.name in constant) for feature in ranked
    ]
    return sorted(ranked, key=lambda feature: not feature.essential)


def distinct(features: Sequence[RankedFeature]) -> list[RankedFeature]:
    """Those, in order, that vary and that no feature before them is a copy of; essential ones all the same."""
    kept: dict[str, RankedFeature] = {}
    for feature in features:
        if feature.essential or not (feature.constant or kept.keys() & set(feature.copies)):
            kept[feature.name] = feature
    return list(kept.values())


def with_copies(names: Sequence[str], features: Sequence[RankedFeature]) -> tuple[str, ...]:
    """Those names and their copies, in the order of the ranking: every feature whose values the named ones carry."""
    kept = set(names)
    return tuple(each.name for each in features if each.name in kept or kept & set(each.copies))


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
