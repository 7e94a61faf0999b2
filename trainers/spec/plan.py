"""How long a run trains, and in what batches: as its spec says, and where the spec is silent, by its number of rows.

A gate closes by small steps, some hundred of them once it is penalized, however few rows there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainers.selectors.base import GateSpec
from trainers.spec.job import JobSpec

# Steps that an epoch is cut into, between the smallest and the largest batch.
STEPS_PER_EPOCH = 312
SMALLEST_BATCH, LARGEST_BATCH = 64, 1024
# Epochs over many rows, and over few: more, until a search has its least number of steps.
FEWEST_EPOCHS, MOST_EPOCHS = 4, 60
LEAST_STEPS = 1500
# Adam moves a parameter by about its learning rate a step: what it may add up to while gates are penalized.
TRAVEL = 8.0
SLOWEST, FASTEST = 0.01, 0.1


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """`batch_size` counts the rows of one worker and one step."""

    batch_size: int
    epochs: int


def plan_training(spec: JobSpec, rows: int) -> TrainingPlan:
    """The plan of `spec` on a training split of `rows` rows."""
    training, workers = spec.training, spec.scaling.workers
    batch_size = training.batch_size or _batch_size(rows / workers)
    return TrainingPlan(batch_size=batch_size, epochs=training.epochs or _epochs(spec, rows / workers / batch_size))


def gate_learning_rate(selector: GateSpec, penalized_steps: int) -> float:
    """Adam's learning rate for the gates, where they are penalized for so many steps."""
    return selector.learning_rate or min(FASTEST, max(SLOWEST, TRAVEL / penalized_steps))


def _batch_size(rows: float) -> int:
    """The power of two that cuts a worker's rows into about STEPS_PER_EPOCH steps."""
    power = round(math.log2(max(1.0, rows) / STEPS_PER_EPOCH))
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, 1 << max(0, power)))


def _epochs(spec: JobSpec, steps_per_epoch: float) -> int:
    if isinstance(spec.selector, GateSpec) and spec.selector.update == "progressive":
        return 1  # a stream is read once
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(LEAST_STEPS / max(1.0, steps_per_epoch))))
