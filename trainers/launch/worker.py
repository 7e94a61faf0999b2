"""What every worker of a run does, whatever launched it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from trainers.pipeline.ports import Checkpoints, Coordination
from trainers.pipeline.selection import Selection
from trainers.runs.coordinator import Failure
from trainers.runs.outcome import Outcome
from trainers.spec import JobSpec, SpecError
from trainers.training.ranks import RankContext


class WorkerCoordination(Coordination, Protocol):
    """What a worker tells the coordinator beside what the selection tells it; see `Coordinator`."""

    def open_attempt(self) -> int: ...
    def failure(self) -> Failure | None: ...
    def fail(self, attempt: int, reason: str) -> Any: ...
    def finish(self, attempt: int, outcome: Outcome) -> Any: ...


def train(spec: JobSpec, ranks: RankContext, coordinator: WorkerCoordination, checkpoints: Checkpoints) -> None:
    """One rank's part of an attempt; collective. A wrong spec or wrong data is told to the coordinator and raised."""
    if ranks.broadcast(coordinator.failure() if ranks.is_leader else None):
        return  # What is wrong doesn't get better by starting again.
    attempt = ranks.broadcast(coordinator.open_attempt() if ranks.is_leader else None)
    try:
        outcome = Selection(spec, replace(ranks, attempt=attempt), coordinator, checkpoints).run()
    except (SpecError, FloatingPointError) as error:
        coordinator.fail(attempt, str(error))
        raise
    if outcome is not None:
        coordinator.finish(attempt, outcome)
