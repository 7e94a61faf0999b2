"""The order of a spec's features in the model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from trainers.spec.features import DenseFeature, MultiCategoricalFeature
from trainers.spec.job import JobSpec


def canonical_order(spec: JobSpec) -> JobSpec:
    """The spec with its features in the model's order: dense, single ids, lists, and equal dims side by side.

    Readers, tables and gate then share one order, and the gate moves each run of equal dims with one kernel.
    """

    def place(feature: object) -> tuple[int, int]:
        if isinstance(feature, DenseFeature):
            return 0, feature.width
        return (2 if isinstance(feature, MultiCategoricalFeature) else 1), feature.width  # type: ignore[attr-defined]

    return spec.model_copy(update={"features": tuple(sorted(spec.features, key=place))})


def with_features(
    spec: JobSpec, names: Collection[str], kept_dims: Mapping[str, Sequence[int]] = MappingProxyType({})
) -> JobSpec:
    """The spec of the pruned model.

    Args:
        spec: of all features.
        names: of the features that stay.
        kept_dims: of those that keep some of their dims alone, which, as the spec's own `kept_dims` counts them.
    """
    wanted = set(names)
    kept = [
        feature.model_copy(update={"kept_dims": tuple(kept_dims[feature.name])})
        if feature.name in kept_dims
        else feature
        for feature in spec.features
        if feature.name in wanted
    ]
    return spec.model_copy(update={"features": tuple(kept)})
