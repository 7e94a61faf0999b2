"""Features in the order of a ranking, with what each weighs. Rules and curve take this list and never sort it.

Where a spec has gates on dims, each dim stands in the list as a feature of one dim does; see `FeatureLayout.by_dim` for
its name. `trainers/pruning/dims.py` makes features of them again, once a rule has decided.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sharding.layout import FeatureLayout, split_dim
from trainers.selectors.base import Ranking
from trainers.spec import DenseFeature, FeatureSpec, JobSpec
from trainers.spec.budget import Unit, table_bytes

# What an essential feature scores where scores lie in [0, 1].
NEEDED = 1.0


@dataclass(frozen=True, kw_only=True)
class RankedFeature:
    """What the selector found of a feature; `embedding_bytes` of its table's weights, 0 for dense ones; `cost` as the
    spec has it; `copies` are other features with the same values; a `constant` one has one value in every training row
    looked at. `kept_dims` are those of its columns that stay, where dims were decided on and some go."""

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
    kept_dims: tuple[int, ...] | None = None

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
    """Essential features first, then the others, both in the ranking's own order; or dims, where the spec ranks them.

    Args:
        spec: whose features they are.
        ranking: what the selector found.
        copies: groups of features with the same values.
        constant: features of one value.

    Raises:
        ValueError: the ranking has other features than the spec.
    """
    layout = FeatureLayout.from_dims(spec.dims)
    units = layout.by_dim() if spec.by_dim else layout
    if set(units.names) != set(ranking.names):
        (first, *_) = sorted(set(units.names) ^ set(ranking.names))
        raise ValueError(
            f"selector {spec.selector.name}: {first!r} is in the {'spec' if first in units else 'ranking'} alone; "
            "a selector ranks every feature of the spec and no other"
        )
    features = {feature.name: feature for feature in spec.features}
    others = {name: tuple(each for each in group if each != name) for group in copies for name in group}
    ranked = []
    for name in ranking.names:
        feature = features[split_dim(name)[0]]
        own = others.get(feature.name, ())
        found = replace(_ranked(spec, feature, name, ranking), copies=own, constant=feature.name in constant)
        ranked.append(replace(found, **_of_one_dim(feature, name, own)) if spec.by_dim else found)
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
    return table_bytes(feature), feature.width * 4 if isinstance(feature, DenseFeature) else 8


def _of_one_dim(feature: FeatureSpec, name: str, copies: Sequence[str]) -> dict[str, Any]:
    """What a dim is, where it isn't what its feature is.

    Numbers of a copy stand in the same dims. Embeddings of the same ids don't correspond: any dim of the one is a copy
    of all of the other's.
    """
    _, colon, dim = name.partition(":")
    dims = (range(feature.width) if feature.kind != "dense" else [int(dim)]) if colon else [0]
    embedding_bytes, bytes_per_example = weigh(feature)
    return {
        "name": name,
        "dim": 1,
        "embedding_bytes": embedding_bytes // feature.width,
        "bytes_per_example": bytes_per_example / feature.width,
        "cost": None,
        "copies": tuple(f"{copy}:{each}" if colon else copy for copy in copies for each in dims),
    }


def _ranked(spec: JobSpec, feature: FeatureSpec, name: str, ranking: Ranking) -> RankedFeature:
    """A feature, by the name that the ranking has of it or of one of its dims."""
    essential, (embedding_bytes, bytes_per_example) = spec.is_essential(feature), weigh(feature)
    return RankedFeature(
        name=feature.name,
        kind=feature.kind,
        dim=feature.width,
        score=NEEDED if essential and ranking.probability_like else ranking.scores[name],
        details={detail: values[name] for detail, values in ranking.details.items() if name in values},
        essential=essential,
        embedding_bytes=embedding_bytes,
        bytes_per_example=bytes_per_example,
        cost=feature.cost,
    )
