"""What a Ray Train worker runs, and how it reaches the coordinator and Ray's checkpoint storage."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch

from trainers.pipeline.selection import Selection
from trainers.runs.coordinator import Report, Snapshot
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.spec import JobSpec, SpecError
from trainers.training.ranks import RankContext, compute_threads


def work(config: dict[str, Any]) -> None:
    """The function that `TorchTrainer` runs on every worker; the process group is up when it is called."""
    context = ray.train.get_context()
    spec = JobSpec.model_validate(config["spec"])
    coordinator = RemoteCoordinator(config["coordinator"])
    torch.set_num_threads(compute_threads(context.get_local_world_size()))
    ranks = RankContext(
        rank=context.get_world_rank(),
        world=context.get_world_size(),
        local_world=context.get_local_world_size(),
        device=ray.train.torch.get_device(),
    )
    if ranks.broadcast(coordinator.failure() if ranks.is_leader else None):
        return  # A wrong spec or wrong data doesn't get better by starting again.
    attempt = ranks.broadcast(coordinator.open_attempt() if ranks.is_leader else None)
    ranks = replace(ranks, attempt=attempt)
    try:
        outcome = Selection(spec, ranks, coordinator, RayCheckpoints()).run()
    except (SpecError, FloatingPointError) as error:
        coordinator.fail(attempt, str(error))
        raise
    if outcome is not None:
        coordinator.finish(attempt, outcome)


class RemoteCoordinator:
    """A coordinator behind a Ray actor. Reports are sent without waiting; reading the history waits for them."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self._sent: list[Any] = []

    def open_attempt(self) -> int:
        return int(ray.get(self.actor.open_attempt.remote()))

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> None:
        ray.get(self.actor.begin.remote(attempt, world, step, saved))

    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> None:
        ray.get(self.actor.enter.remote(attempt, stage, total_steps))

    def report(self, report: Report) -> None:
        self._sent.append(self.actor.report.remote(report))
        if len(self._sent) > 8:
            ray.get(self._sent.pop(0))

    def advance(self, attempt: int, step: int) -> None:
        self.actor.advance.remote(attempt, step)

    def flush(self) -> None:
        """Wait until every report sent has arrived."""
        ray.get(self._sent)
        self._sent.clear()

    def history(self) -> list[Snapshot]:
        return ray.get(self.actor.history.remote())  # type: ignore[no-any-return]

    def mean_gate(self, warmup: int) -> Any:
        return ray.get(self.actor.mean_gate.remote(warmup))

    def failure(self) -> str | None:
        return ray.get(self.actor.failure.remote())  # type: ignore[no-any-return]

    def fail(self, attempt: int, reason: str) -> None:
        ray.get(self.actor.fail.remote(attempt, reason))

    def finish(self, attempt: int, outcome: Outcome) -> None:
        ray.get(self.actor.finish.remote(attempt, outcome))


class RayCheckpoints:
    """Ray Train's storage: each worker's files are merged into one directory under the run's."""

    @contextmanager
    def latest(self) -> Iterator[Path | None]:
        kept = ray.train.get_checkpoint()
        if kept is None:
            yield None
            return
        with kept.as_directory() as path:
            yield Path(path)

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        path = Path(tempfile.mkdtemp(prefix="winnow-checkpoint-"))
        write(path)
        ray.train.report(
            {"step": step},
            checkpoint=ray.train.Checkpoint.from_directory(path),
            delete_local_checkpoint_after_upload=True,
        )
