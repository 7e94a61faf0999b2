"""Reading the history of a run's gates: the level that fits what is asked, and of that no more than is asked.

`trainers/gate_history.py` says how it is laid out. Files are mapped into memory: of one feature's history only the
pages that hold it are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MAX_CELLS = 2_000_000
VALUES = ("gate", "divergence")


class UnknownFeatureError(LookupError):
    """A feature that the run doesn't have; the message is its name."""


@dataclass(frozen=True)
class Slice:
    """Points (T) of features (F), each the mean over `every` snapshots; its step is that of the last one."""

    features: list[str]
    steps: list[int]
    every: int
    gate_FT: NDArray[np.float32]
    divergence_FT: NDArray[np.float32]


EMPTY = Slice([], [], 1, np.empty((0, 0), np.float32), np.empty((0, 0), np.float32))


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

    def values_ft(self, column: str, places: NDArray[np.int64] | slice, begin: int) -> NDArray[np.float32]:
        """Of the features at `places`, from the point `begin` on."""
        flat = _array(self.table[column]).values.to_numpy()
        values_ft: NDArray[np.float32] = flat.reshape(-1, len(self.steps))[places, begin:]
        return values_ft


@dataclass(frozen=True)
class Level:
    files: list[Path]
    first: Segment
    newest: Segment

    @classmethod
    def open(cls, path: Path) -> Level:
        files = sorted(path.glob("*.arrow"))
        return cls(files, Segment.open(files[0]), Segment.open(files[-1]))

    @property
    def points(self) -> int:
        return (len(self.files) - 1) * len(self.first.steps) + len(self.newest.steps)

    def tail(self, last: int | None) -> int:
        """How many points cover the last so many snapshots."""
        return self.points if last is None else min(self.points, -(-last // self.newest.every))


def read(path: Path, wanted: Sequence[str], last: int | None, points: int) -> Slice:
    """The history below `path` of these features (of all where none is named) over the last so many snapshots.

    At most `points` points, and no more than MAX_CELLS cells; neighbouring points are averaged where there are more.

    Raises:
        UnknownFeatureError: a feature isn't one of the run's.
    """
    try:
        levels = [Level.open(folder) for folder in sorted(path.glob("[0-9]"))]
        if not levels:
            return EMPTY
        names = _array(levels[0].newest.table["feature"])
        places = _places(names, wanted) if wanted else slice(None)
        features: list[str] = list(wanted) or names.to_pylist()
        points = max(1, min(points, MAX_CELLS // len(features)))
        level = next((level for level in reversed(levels) if level.tail(last) >= points), levels[0])
        steps, values = _tail(level, places, level.tail(last))
    except (FileNotFoundError, IndexError):
        return EMPTY  # an attempt has begun anew, and its writer with it
    group = -(-len(steps) // points)
    gate_FT, divergence_FT = (_averaged(each, group) for each in values)
    ends = [*range(group - 1, len(steps) - 1, group), len(steps) - 1]
    return Slice(features, [steps[end] for end in ends], level.newest.every * group, gate_FT, divergence_FT)


def _array(column: pa.ChunkedArray[Any]) -> Any:
    """A file has one batch, and so a column one array."""
    return column.chunk(0)


def _places(names: Any, wanted: Sequence[str]) -> NDArray[np.int64]:
    found: Any = pc.index_in(pa.array(wanted, pa.string()), value_set=names)
    if found.null_count:
        raise UnknownFeatureError(wanted[found.is_null().index(True).as_py()])
    places: NDArray[np.int64] = found.cast(pa.int64()).to_numpy()
    return places


def _tail(level: Level, places: NDArray[np.int64] | slice, count: int) -> tuple[list[int], list[NDArray[np.float32]]]:
    """The newest `count` points: their steps, gates and divergences."""
    steps: list[int] = []
    parts: list[list[NDArray[np.float32]]] = [[], []]
    for file in reversed(level.files):
        segment = level.newest if file == level.files[-1] else Segment.open(file)
        begin = max(0, len(segment.steps) - (count - len(steps)))
        steps = segment.steps[begin:] + steps
        for part, column in zip(parts, VALUES, strict=True):
            part.insert(0, segment.values_ft(column, places, begin))
        if len(steps) == count:
            break
    return steps, [np.concatenate(part, axis=1) for part in parts]


def _averaged(values_FT: NDArray[np.float32], group: int) -> NDArray[np.float32]:
    if group == 1:
        return values_FT
    begins = np.arange(0, values_FT.shape[1], group)
    sizes = np.diff([*begins, values_FT.shape[1]])
    averaged: NDArray[np.float32] = (np.add.reduceat(values_FT, begins, axis=1) / sizes).astype(np.float32)
    return averaged


def as_json(found: Slice) -> bytes:
    """The slice as the API sends it, rows by step. Arrow writes the numbers, and holds up no other thread meanwhile."""
    head = json.dumps({"features": found.features, "steps": found.steps, "every": found.every})
    gates, divergences = (_rows(values) for values in (found.gate_FT, found.divergence_FT))
    return f'{head[:-1]}, "gates": {gates}, "divergences": {divergences}}}'.encode()


def _rows(values_FT: NDArray[np.float32]) -> str:
    count, length = values_FT.shape
    flat = np.ascontiguousarray(values_FT.T).ravel()
    numbers: Any = pa.array(flat, mask=~np.isfinite(flat))
    text: Any = pc.fill_null(numbers.cast(pa.string()), "null")
    offsets: Any = pa.array(np.arange(length + 1, dtype=np.int32) * count)
    joined: Any = pc.binary_join(pa.ListArray.from_arrays(offsets, text), ",")
    rows = joined.to_pylist()
    return f"[{','.join(f'[{row}]' for row in rows)}]"
