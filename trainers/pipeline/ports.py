"""What a rank needs of the world outside it: a coordinator to report to, and a place for checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from trainers.runs.coordinator import Report, Snapshot
from trainers.runs.progress import Stage


class Coordination(Protocol):
    """What a rank tells the coordinator; see `Coordinator`."""

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> Any: ...
    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> Any: ...
    def begin_seed(self, attempt: int, number: int, seeds: int) -> Any: ...
    def report(self, report: Report) -> Any: ...
    def advance(self, attempt: int, step: int) -> Any: ...
    def flush(self) -> Any: ...
    def history(self) -> list[Snapshot]: ...
    def mean_gate(self, warmup: int) -> Any: ...


class Checkpoints(Protocol):
    """Where checkpoints are kept."""

    def latest(self) -> AbstractContextManager[Path | None]:
        """A local directory with the newest checkpoint, or None."""
        ...

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Let every rank write its share into a directory, and keep the whole."""
        ...
