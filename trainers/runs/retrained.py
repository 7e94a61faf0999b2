"""retrained.json: chosen features and all features, trained from new weights with the same seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pydantic import Field

from trainers.runs.results import Quality
from trainers.runs.schema import Schema

COMPARED = ("auc", "gauc", "logloss", "ne")
# 97.5% quantiles of Student's t by degrees of freedom from 1; beyond them the normal one is near enough.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
NORMAL = 1.960


class SeedDifference(Schema):
    """What the chosen features have over all of them, seed by seed."""

    mean: float = Field(description="of the differences, in units of the metric")
    interval: tuple[float, float] | None = Field(
        description="95% interval of the mean (Student's t over the seeds); null of a single seed"
    )


class Retrained(Schema):
    """Models of chosen features and of all features, a pair a seed, on the test split."""

    keep: tuple[str, ...]
    seeds: tuple[int, ...]
    kept: tuple[Quality, ...] = Field(description="of the models of the chosen features, one a seed")
    full: tuple[Quality, ...] = Field(description="of the models of all features, one a seed; empty where all are kept")
    differences: dict[str, SeedDifference] = Field(default={}, description="by metric; of metrics that all models have")


def compare_seeds(kept: Sequence[Quality], full: Sequence[Quality]) -> dict[str, SeedDifference]:
    """Differences by metric between models of the same seeds."""
    found = {}
    for metric in COMPARED:
        pairs = [(a.value(metric), b.value(metric)) for a, b in zip(kept, full, strict=False)]
        known = [a - b for a, b in pairs if a is not None and b is not None]
        if known and len(known) == len(pairs):
            found[metric] = SeedDifference(mean=statistics.mean(known), interval=_interval(known))
    return found


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    freedom = len(values) - 1
    quantile = T[freedom - 1] if freedom <= len(T) else NORMAL
    reach = quantile * statistics.stdev(values) / math.sqrt(len(values))
    middle = statistics.mean(values)
    return middle - reach, middle + reach
