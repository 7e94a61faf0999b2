"""Reading the history of a run's gates: any span of any level, and of that no more than is asked.

`trainers/runs/history.py` says how it is laid out. Files are mapped into memory: of one feature's history only the
pages that hold it are read.

Shapes: T points, F features.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Places = NDArray[np.int64] | slice
ALL = slice(None)
# What readers meet where an attempt has begun anew, and its writer with it.
BEGUN_ANEW = (FileNotFoundError, IndexError)


@dataclass(frozen=True)
class Segment:
    """One file."""

    table: pa.Table
    steps: list[int]
    every: int

    @classmethod
    def open(cls, path: Path) -> Segment:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        about = table.schema.metadata
        return cls(table, json.loads(about[b"steps"]), int(about[b"every"]))

    @property
    def details(self) -> list[str]:
        """What the selector tells of features beside the gate: the names of the other columns."""
        return [name for name in self.table.column_names if name not in ("feature", "gate")]

    def values_ft(self, column: str, places: Places, chosen: slice) -> NDArray[np.float32]:
        """Of the features at `places`, the chosen points; not copied."""
        flat = array_of(self.table[column]).values.to_numpy()
        values_ft: NDArray[np.float32] = flat.reshape(-1, len(self.steps))[places, chosen]
        return values_ft


@dataclass(frozen=True)
class Level:
    """The files of a level as they were when it was opened. Its points are numbered from 0."""

    files: list[Path]
    newest: Segment
    file_points: int

    @classmethod
    def open(cls, path: Path) -> Level:
        files = sorted(path.glob("*.arrow"))
        return cls(files, Segment.open(files[-1]), len(Segment.open(files[0]).steps))

    @property
    def every(self) -> int:
        """Snapshots in a point."""
        return self.newest.every

    @property
    def points(self) -> int:
        return (len(self.files) - 1) * self.file_points + len(self.newest.steps)

    def last(self, snapshots: int | None) -> range:
        """The points that cover the last so many snapshots; all of them without a number."""
        count = self.points if snapshots is None else min(self.points, -(-snapshots // self.every))
        return range(self.points - count, self.points)

    def between(self, from_step: int | None, to_step: int | None) -> range:
        """The points whose step lies within these, both included."""
        begin = 0 if from_step is None else self._place(from_step, bisect_left)
        end = self.points if to_step is None else self._place(to_step, bisect_right)
        return range(begin, max(begin, end))

    def _place(self, step: int, bisect: Callable[[Sequence[int], int], int]) -> int:
        """How many points stand before the step. Few of the files are opened."""
        file = bisect_left(range(len(self.files) - 1), True, key=lambda at: self._segment(at).steps[-1] >= step)
        return file * self.file_points + bisect(self._segment(file).steps, step)

    def _segment(self, at: int) -> Segment:
        return self.newest if at == len(self.files) - 1 else Segment.open(self.files[at])

    def read(
        self, chosen: range, columns: Sequence[str], places: Places = ALL
    ) -> tuple[list[int], list[NDArray[np.float32]]]:
        """Steps (T) of the chosen points, and a matrix (F × T) of each column, of the features at `places`."""
        steps: list[int] = []
        parts: list[list[NDArray[np.float32]]] = [[] for _ in columns]
        for at in range(chosen.start // self.file_points, -(-chosen.stop // self.file_points)):
            segment, before = self._segment(at), at * self.file_points
            within = slice(max(0, chosen.start - before), chosen.stop - before)
            steps += segment.steps[within]
            for part, column in zip(parts, columns, strict=True):
                part.append(segment.values_ft(column, places, within))
        return steps, [part[0] if len(part) == 1 else np.concatenate(part, axis=1) for part in parts]


def open_levels(path: Path) -> list[Level]:
    """Finest first; none before the first snapshot."""
    return [Level.open(folder) for folder in sorted(path.glob("[0-9]"))]


def choose_level(levels: Sequence[Level], span: Callable[[Level], range], points: int) -> tuple[Level, range]:
    """The coarsest level that has as many points in the span, or the finest there is, and those points."""
    for level in reversed(levels):
        chosen = span(level)
        if len(chosen) >= points:
            break
    return level, chosen


def newest_files(path: Path) -> list[Path]:
    """What is written anew with every snapshot: the newest file of each level."""
    try:
        files = [sorted(folder.glob("*.arrow")) for folder in sorted(path.glob("[0-9]"))]
    except BEGUN_ANEW:
        return []
    return [level[-1] for level in files if level]


def array_of(column: pa.ChunkedArray[Any]) -> Any:
    """A file has one batch, and so a column one array."""
    return column.chunk(0)


def group_ends(count: int, group: int) -> list[int]:
    """Where groups of so many neighbours end, the last of which may be smaller."""
    return [*range(group - 1, count - 1, group), count - 1]


def average_points(values_FT: NDArray[np.float32], group: int) -> NDArray[np.float32]:
    """Means over groups of neighbouring points."""
    if group == 1:
        return values_FT
    whole = values_FT.shape[1] // group
    means_FT = np.empty((values_FT.shape[0], -(-values_FT.shape[1] // group)), np.float32)
    sums_FT = values_FT[:, : whole * group : group].astype(np.float32)
    for at in range(1, group):
        sums_FT += values_FT[:, at : whole * group : group]
    means_FT[:, :whole] = sums_FT / group
    if whole < means_FT.shape[1]:
        means_FT[:, whole] = values_FT[:, whole * group :].mean(axis=1)
    return means_FT
