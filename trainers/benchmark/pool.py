"""Where cells are computed: in a process forked for each from one that has imported torch, or side by side on Ray.

A cell is computed in a process of its own, so that one that runs out of memory fails alone, and that its peak memory is
its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from trainers.benchmark.cells import Cell, CellTask
from trainers.launch.template import Borrower

WORK = "trainers.benchmark.worker:work"


class Pool(Protocol):
    """Computes cells, up to `slots` at a time. A context: inside, what takes time to start begins to start; outside,
    nothing that the pool started is left."""

    slots: int

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def start(self, task: CellTask) -> None:
        """Begin a cell; at most `slots` run."""
        ...

    def collect(self) -> tuple[CellTask, Cell]:
        """Wait for one that was started and has ended."""
        ...


class LocalPool(Borrower):
    """One cell at a time, in a worker of the local launcher's template. `log` has what workers and libraries say."""

    slots = 1

    def __init__(self, log: Path) -> None:
        self.log = log

    def start(self, task: CellTask) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._task, self._began = task, time.perf_counter()
        (self._connection,) = self.template().start(WORK, [(task.kind, task.job.model_dump_json())], self.log)

    def collect(self) -> tuple[CellTask, Cell]:
        try:
            with self._connection:
                answer = self._receive()
            lost = self._template.wait()
        except BaseException:
            self._template.close()  # The worker ends with it.
            raise
        if lost is not None and answer is None:
            who = "the process that workers are forked from" if lost.worker is None else "the cell's process"
            answer = {"reason": f"{who} {lost.cause}; see {self.log}"}
        return self._task, make_cell(self._task, answer or {"reason": "no answer"}, time.perf_counter() - self._began)

    def _receive(self) -> dict[str, Any] | None:
        """None where the worker ended without an answer."""
        try:
            found: dict[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            return None
        return found


class RayPool:
    """Cells side by side as tasks of one CPU each, on the Ray of RAY_ADDRESS."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._running: dict[Any, tuple[CellTask, float]] = {}

    def __enter__(self) -> Self:
        import ray  # noqa: PLC0415 - Ray is imported where it runs

        from trainers.launch.ray_cluster import join  # noqa: PLC0415

        join(self.slots)
        self._ray = ray
        self._compute = ray.remote(_compute).options(num_cpus=1, max_retries=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)

    def start(self, task: CellTask) -> None:
        reference = self._compute.remote(task.kind, task.job.model_dump_json())
        self._running[reference] = (task, time.perf_counter())

    def collect(self) -> tuple[CellTask, Cell]:
        (reference, *_), _ = self._ray.wait(list(self._running), num_returns=1)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            answer = {"reason": " ".join(f"{type(error).__name__}: {error}".split())}
        task, began = self._running.pop(reference)
        return task, make_cell(task, answer, time.perf_counter() - began)


def _compute(kind: str, spec: str) -> dict[str, Any]:
    """A cell in a worker of Ray, which may have computed another before."""
    import torch  # noqa: PLC0415

    from trainers.benchmark.worker import compute  # noqa: PLC0415

    torch.set_num_threads(1)
    return compute(kind, spec)


def make_cell(task: CellTask, answer: dict[str, Any], wall_seconds: float) -> Cell:
    return Cell.parse({"kind": task.kind, "about": dict(task.about), "wall_seconds": wall_seconds, **answer})


def open_pool(parallel: int, log: Path, warn: Callable[[str], None]) -> Pool:
    """Ray where more than one cell is to run and RAY_ADDRESS names one, else this machine, one cell at a time."""
    if parallel > 1 and os.environ.get("RAY_ADDRESS"):
        return RayPool(parallel)
    if parallel > 1:
        warn(
            f"parallel: {parallel} cells side by side need Ray, and RAY_ADDRESS names none: they run one after "
            "another; set RAY_ADDRESS, to `local` for this machine"
        )
    return LocalPool(log)
