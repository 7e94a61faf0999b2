"""Quality of a run's three models with intervals of a chosen width, for documents made without a run."""

from __future__ import annotations

from trainers.metrics.quality import HIGHER_IS_BETTER
from trainers.runs.results import METRICS, MetricDifference, ModelQuality, Quality, QualityDifferences


def model_quality(full: Quality, pruned: Quality, finetuned: Quality, *, error: float = 0.0001) -> ModelQuality:
    """With intervals of two standard errors of `error` to each side."""
    differences = QualityDifferences(
        pruned=_differences(full, pruned, error), finetuned=_differences(full, finetuned, error)
    )
    return ModelQuality(full=full, pruned=pruned, finetuned=finetuned, differences=differences)


def _differences(full: Quality, other: Quality, error: float) -> tuple[MetricDifference, ...]:
    found = []
    for metric in METRICS:
        before, after = full.value(metric), other.value(metric)
        if before is None or after is None:
            continue
        drop = before - after if metric in HIGHER_IS_BETTER else after - before
        interval = (drop - 2 * error, drop + 2 * error)
        found.append(MetricDifference(metric=metric, drop=drop, error=error, interval=interval))
    return tuple(found)
