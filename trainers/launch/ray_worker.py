"""What a Ray Train worker runs, and how it reaches the coordinator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch

from trainers.launch.worker import train
from trainers.problems import one_line
from trainers.runs.coordinator import Failure, Report, Snapshot
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.spec import JobSpec
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.ranks import RankContext, compute_threads


def work(config: dict[str, Any]) -> None:
    """The function that `TorchTrainer` runs on every worker; the process group is up when it is called."""
    context = ray.train.get_context()
    torch.set_num_threads(compute_threads(context.get_local_world_size()))
    ranks = RankContext(
        rank=context.get_world_rank(),
        world=context.get_world_size(),
        local_world=context.get_local_world_size(),
        device=ray.train.torch.get_device(),
    )
    coordinator = RemoteCoordinator(config["coordinator"])
    try:
        checkpoints = DirectoryCheckpoints(Path(config["checkpoints"]), ranks)
        train(JobSpec.model_validate(config["spec"]), ranks, coordinator, checkpoints)
    except Exception as error:
        coordinator.crash(ranks.rank, one_line(error))
        raise


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

    def begin_seed(self, attempt: int, number: int, seeds: int) -> None:
        ray.get(self.actor.begin_seed.remote(attempt, number, seeds))

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

    def failure(self) -> Failure | None:
        return ray.get(self.actor.failure.remote())  # type: ignore[no-any-return]

    def fail(self, attempt: int, reason: str) -> None:
        ray.get(self.actor.fail.remote(attempt, reason))

    def crash(self, rank: int, error: str) -> None:
        ray.get(self.actor.crash.remote(rank, error))

    def finish(self, attempt: int, outcome: Outcome) -> None:
        ray.get(self.actor.finish.remote(attempt, outcome))
