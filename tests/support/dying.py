"""A run that dies right after one of its checkpoints, and can be resumed from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.ranks import RankContext


class KilledError(Exception):
    pass


class DyingCheckpoints(DirectoryCheckpoints):
    """Dies on every rank right after the checkpoint of a step, or after the `nth`."""

    def __init__(self, path: Path, ranks: RankContext | None = None, *, at: int | None = None, nth: int = 1) -> None:
        super().__init__(path, ranks)
        self.at, self.left = at, nth

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        super().save(step, write)
        self.left -= 1
        if step == self.at or (self.at is None and self.left == 0):
            raise KilledError
