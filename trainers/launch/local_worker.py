"""What a worker runs that the local launcher started, and how it reaches the coordinator in the driver."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from trainers.launch.local_coordinator import Call, Fault
from trainers.launch.worker import train
from trainers.problems import one_line
from trainers.runs.coordinator import Failure, Report, Snapshot
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.spec import JobSpec
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.ranks import RankContext, compute_threads


def work(connection: Connection, shared: str, spec: str, rank: int, checkpoints: str) -> None:
    """One rank from its start to its end. An error is told to the driver in one line, and raised.

    Args:
        connection: to the driver.
        shared: a folder that the ranks of this attempt share.
        spec: as JSON.
        rank: of `scaling.workers`.
        checkpoints: the run's folder for them.
    """
    job = JobSpec.model_validate_json(spec)
    try:
        ranks = _join(rank, job.scaling.workers, Path(shared))
        coordinator = ConnectedCoordinator(connection)
        train(job, ranks, coordinator, DirectoryCheckpoints(Path(checkpoints), ranks))
        coordinator.flush()
    except Exception as error:
        with suppress(OSError):
            connection.send(Fault(one_line(error)))
        raise


def _join(rank: int, world: int, shared: Path) -> RankContext:
    """The process group of ranks on this machine."""
    torch.set_num_threads(compute_threads(world))
    os.environ.update(LOCAL_WORLD_SIZE=str(world), LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE=str(world))
    if world > 1:
        if sys.platform == "linux":
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        store = dist.FileStore(str(shared / "store"), world)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    return RankContext(rank=rank, world=world, local_world=world)


class ConnectedCoordinator:
    """A coordinator at the other end of a connection. What asks for no answer is sent without waiting for one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_attempt(self) -> int:
        return int(self._ask("open_attempt"))

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> None:
        self._ask("begin", attempt, world, step, saved)

    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> None:
        self._ask("enter", attempt, stage, total_steps)

    def begin_seed(self, attempt: int, number: int, seeds: int) -> None:
        self._ask("begin_seed", attempt, number, seeds)

    def report(self, report: Report) -> None:
        self._connection.send(Call("report", (report,), wants_answer=False))

    def advance(self, attempt: int, step: int) -> None:
        self._connection.send(Call("advance", (attempt, step), wants_answer=False))

    def flush(self) -> None:
        """Wait until every report sent has arrived."""
        self._ask("flush")

    def history(self) -> list[Snapshot]:
        return self._ask("history")  # type: ignore[no-any-return]

    def mean_gate(self, warmup: int) -> Any:
        return self._ask("mean_gate", warmup)

    def failure(self) -> Failure | None:
        return self._ask("failure")  # type: ignore[no-any-return]

    def fail(self, attempt: int, reason: str) -> None:
        self._ask("fail", attempt, reason)

    def finish(self, attempt: int, outcome: Outcome) -> None:
        self._ask("finish", attempt, outcome)

    def _ask(self, method: str, *arguments: object) -> Any:
        self._connection.send(Call(method, arguments, wants_answer=True))
        return self._connection.recv()
