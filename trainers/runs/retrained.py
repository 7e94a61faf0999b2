"""retrained.json: chosen features and all features, trained from new weights with the same seeds."""

from __future__ import annotations

from pydantic import Field

from trainers.runs.results import Quality
from trainers.runs.schema import Schema


class SeedDifference(Schema):
    """What the chosen features have over all of them, seed by seed."""

    mean: float = Field(description="of the differences, in units of the metric")
    interval: tuple[float, float] | None = Field(
        description="95% interval of the mean (Student's t over the seeds); null of a single seed"
    )


class Retrained(Schema):
    """Models of chosen features and of all features, a pair a seed, on the test split."""

    keep: tuple[str, ...]
    kept_dims: dict[str, tuple[int, ...]] = Field(
        default={},
        description="of features that keep some of their dims alone, which; absent where there are none",
        exclude_if=lambda value: not value,
    )
    seeds: tuple[int, ...]
    kept: tuple[Quality, ...] = Field(description="of the models of the chosen features, one a seed")
    full: tuple[Quality, ...] = Field(description="of the models of all features, one a seed; empty where all are kept")
    differences: dict[str, SeedDifference] = Field(default={}, description="by metric; of metrics that all models have")
