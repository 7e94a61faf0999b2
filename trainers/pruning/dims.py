"""From dims, ranked and decided on each for itself, to features again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from sharding.layout import KeptDims, split_dim
from trainers.pruning.ranking import RankedFeature, weigh
from trainers.pruning.rules import Decision
from trainers.spec import JobSpec
from trainers.spec.order import with_features


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What stays of a spec's features.

    Attributes:
        features: in the order of the ranking.
        decisions: of the features, in the same order.
        columns: of features that stay with some of their dims alone, which of the model's columns.
    """

    features: Sequence[RankedFeature]
    decisions: Sequence[Decision]
    columns: KeptDims

    @property
    def names(self) -> list[str]:
        """Of the features that stay, in the order of the ranking."""
        return [decision.name for decision in self.decisions if decision.keep]

    def spec(self, spec: JobSpec) -> JobSpec:
        """That of the pruned model."""
        return with_features(spec, self.names, {f.name: f.kept_dims for f in self.features if f.kept_dims is not None})


def gather(spec: JobSpec, units: Sequence[RankedFeature], decisions: Sequence[Decision]) -> Kept:
    """Features of what was ranked and decided on: those themselves, or each out of its dims.

    A feature stands where its best dim does and has that one's score, since it goes when its last dim goes; its details
    are means over its dims. It stays with the dims that stay, and says why the first of them does.

    Args:
        spec: whose features they are.
        units: the ranking's features, or dims where the spec ranks those.
        decisions: what the rule made of them, in the same order.
    """
    if not spec.by_dim:
        return Kept(features=units, decisions=decisions, columns={})
    dims: dict[str, list[tuple[RankedFeature, Decision]]] = {}
    for unit, decision in zip(units, decisions, strict=True):
        dims.setdefault(split_dim(unit.name)[0], []).append((unit, decision))
    features, found, columns = [], [], dict[str, list[int]]()
    specified = {feature.name: feature for feature in spec.features}
    for name, pairs in dims.items():
        feature = specified[name]
        stay = sorted(split_dim(unit.name)[1] for unit, decision in pairs if decision.keep)
        some = 0 < len(stay) < feature.width
        if some:
            columns[feature.name] = stay
        ranked = _feature([unit for unit, _ in pairs], feature.name)
        table, read = weigh(feature)
        features.append(
            replace(
                ranked,
                dim=feature.width,
                embedding_bytes=table,
                bytes_per_example=read,
                cost=feature.cost,
                kept_dims=feature.number_dims(stay) if some else None,
            )
        )
        first = next((decision for _, decision in pairs if decision.keep == bool(stay)))
        found.append(replace(first, name=feature.name))
    return Kept(features=features, decisions=found, columns=columns)


def _feature(dims: Sequence[RankedFeature], name: str) -> RankedFeature:
    """The feature of these dims, best first, without what it weighs."""
    details = {detail: fmean(each.details[detail] for each in dims if detail in each.details)
               for detail in dict.fromkeys(detail for each in dims for detail in each.details)}  # fmt: skip
    return replace(
        dims[0],
        name=name,
        score=max(each.score for each in dims),
        details=details,
        copies=tuple(dict.fromkeys(split_dim(copy)[0] for each in dims for copy in each.copies)),
    )
