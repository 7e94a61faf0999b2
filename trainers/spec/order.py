"""The order of a spec's features in the model."""

from __future__ import annotations

from collections.abc import Collection

from trainers.spec.features import DenseFeature, MultiCategoricalFeature
from trainers.spec.job import JobSpec


def canonical_order(spec: JobSpec) -> JobSpec:
    """The spec with its features in the model's order: dense, single ids, lists, and equal dims side by side.

    Readers, tables and gate then share one order, and the gate moves each run of equal dims with one kernel.
    """

    def place(feature: object) -> tuple[int, int]:
        if isinstance(feature, DenseFeature):
            return 0, feature.dim
        return (2 if isinstance(feature, MultiCategoricalFeature) else 1), feature.dim  # type: ignore[attr-defined]

    return spec.model_copy(update={"features": tuple(sorted(spec.features, key=place))})


def with_features(spec: JobSpec, names: Collection[str]) -> JobSpec:
    """The spec of the pruned model: the features that stay."""
    return spec.model_copy(update={"features": tuple(f for f in spec.features if f.name in set(names))})
