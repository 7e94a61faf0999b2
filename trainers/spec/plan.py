"""How long a run trains, and in what batches: as its spec says, and where the spec is silent, by its number of rows.

A gate closes by small steps, some hundred of them once it is penalized, however few rows there are. Weights
that have read few rows that often know them by heart: the pruned model is then better trained from new ones.
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
# An epoch of fewer steps is of few rows: of more, batches grow so that it has STEPS_PER_EPOCH, within a root of 2.
FEW_STEPS = 220
# Adam moves a parameter by about its learning rate a step: what it may add up to while gates are penalized.
TRAVEL = 8.0
SLOWEST, FASTEST = 0.01, 0.1


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """`batch_size` counts the rows of one worker and one step. `fresh` is whether fine-tuning begins with new weights,
    and `tuning_epochs` are how many it has at most."""

    batch_size: int
    epochs: int
    fresh: bool
    tuning_epochs: int


def plan_training(spec: JobSpec, rows: int) -> TrainingPlan:
    """The plan of `spec` on a training split of `rows` rows."""
    training, workers = spec.training, spec.scaling.workers
    batch_size = training.batch_size or _batch_size(rows / workers)
    steps_per_epoch = max(1.0, rows / workers / batch_size)
    epochs = training.epochs or _epochs(spec, steps_per_epoch)
    tuning = spec.finetune
    few = steps_per_epoch < FEW_STEPS and epochs > FEWEST_EPOCHS
    fresh = tuning.start == "fresh" or (tuning.start is None and tuning.epochs is None and few)
    warm_epochs = 1 if tuning.epochs is None else tuning.epochs
    return TrainingPlan(
        batch_size=batch_size, epochs=epochs, fresh=fresh, tuning_epochs=epochs if fresh else warm_epochs
    )


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
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(LEAST_STEPS / steps_per_epoch)))
