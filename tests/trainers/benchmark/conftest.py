"""A pool of this process: cells are computed as workers compute them, and counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from trainers.benchmark.cells import Cell, CellStore, CellTask
from trainers.benchmark.outcomes import Outcome
from trainers.benchmark.pool import make_cell
from trainers.benchmark.runner import BenchmarkProgress, run_study
from trainers.benchmark.study import Study, prepare
from trainers.benchmark.suite import parse_suite


class HerePool:
    """`interrupt_after` ends the benchmark by Ctrl-C in the cell after so many; `slots` as on Ray."""

    def __init__(self, *, interrupt_after: int | None = None, slots: int = 1) -> None:
        self.slots, self.interrupt_after = slots, interrupt_after
        self.computed: list[CellTask] = []
        self._running: list[CellTask] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, task: CellTask) -> None:
        self._running.append(task)
        assert len(self._running) <= self.slots

    def collect(self) -> tuple[CellTask, Cell]:
        from trainers.benchmark.worker import compute  # noqa: PLC0415

        if len(self.computed) == self.interrupt_after:
            raise KeyboardInterrupt
        task = self._running.pop()
        self.computed.append(task)
        began = time.perf_counter()
        return task, make_cell(task, compute(task.kind, task.job.model_dump_json()), time.perf_counter() - began)

    def counts(self) -> dict[str, int]:
        """Of the cells that were computed, by kind."""
        return dict(Counter(task.kind for task in self.computed))


Run = Callable[..., tuple[list[Outcome], HerePool]]


def study_of(folder: Path, **suite: Any) -> Study:
    return prepare(parse_suite(suite), folder, folder.parent / "benchmark", lambda line: None)


@pytest.fixture
def run_here(tmp_path: Path) -> Run:
    """A suite's outcomes, computed here into one directory, with the pool that computed them."""

    def run(folder: Path, *, pool: HerePool | None = None, **suite: Any) -> tuple[list[Outcome], HerePool]:
        used = pool or HerePool()
        progress: list[BenchmarkProgress] = []
        outcomes = run_study(study_of(folder, **suite), CellStore(tmp_path / "cells"), used, progress.append)
        assert all(each.done <= each.total for each in progress)
        return outcomes, used

    return run
