"""The history of the gates in levels, for readers that want an overview or a few features of a long run.

`history/LEVEL/NUMBER.arrow` holds up to ROWS points of all features, a row a feature: `feature`, `gate` and a column
for each detail that the selector tells beside the score, such as LeAP's `divergence` (lists as long as there are
points), in an Arrow file to be mapped into memory; a reader of one feature touches a few pages of it. A point of level
k is the mean over FACTOR^k snapshots; its step is that of the last one. The schema's metadata has `steps`, and `every`,
the snapshots in a point. A level begins when the one below it has grown beyond a file. The newest file of a level is
replaced whole as it grows; its last point may be of fewer snapshots.

With another seed gates begin anew: a point ends where a seed does, and may be of fewer snapshots there too.

Beside the levels lie the search's measures (see measures.py).

Shapes: T points, V values a feature (the gate and each detail), F features.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import MEASURES
from trainers.runs.measures import Measures

GATE = "gate"  # the column of the selector's score
ROWS = 256
FACTOR = 4
LEVELS = 10


@dataclass
class Level:
    """What isn't in a full file yet, and the sums of the point that isn't full yet (V × F)."""

    every: int
    full_files: int = 0
    steps: list[int] = field(default_factory=list)
    points_TVF: list[NDArray[np.float32]] = field(default_factory=list)
    sum_VF: NDArray[np.float64] | None = None
    summed: int = 0

    def add(self, step: int, values_VF: NDArray[np.float32]) -> bool:
        """Whether the file is full by this snapshot."""
        self.sum_VF = values_VF.astype(np.float64) if self.sum_VF is None else self.sum_VF + values_VF
        self.summed += 1
        return self.summed == self.every and self.end_point(step)

    def end_point(self, step: int) -> bool:
        """Begin another point after this step. Whether the file is full by that."""
        if self.sum_VF is None:
            return False
        self.steps.append(step)
        self.points_TVF.append((self.sum_VF / self.summed).astype(np.float32))
        self.sum_VF, self.summed = None, 0
        return len(self.steps) == ROWS

    def content(self, step: int) -> tuple[list[int], NDArray[np.float32]]:
        """Steps (T) and points (T × V × F), with the one that isn't full yet."""
        if self.sum_VF is None:
            return self.steps, np.stack(self.points_TVF)
        unfinished = (self.sum_VF / self.summed).astype(np.float32)
        return [*self.steps, step], np.stack([*self.points_TVF, unfinished])


class GateHistory:
    """The writer of `path`. It has taken `count` snapshots of `attempt`, and begins anew where an attempt does."""

    def __init__(self, path: Path, features: Sequence[str]) -> None:
        self.path, self.features = path, pa.array(features, pa.string())
        self._begin(-1)

    def _begin(self, attempt: int) -> None:
        self.attempt, self.count, self.step, self._seed_number = attempt, 0, 0, 1
        self._written = 0
        self._columns: tuple[str, ...] = (GATE,)
        self._levels = [Level(FACTOR**level) for level in range(LEVELS)]
        self._measures = Measures()

    def extend(self, attempt: int, first: int, snapshots: Sequence[Snapshot]) -> None:
        """Take the snapshots of `attempt` from its place `first` on: the next ones, or all there are."""
        if not snapshots:
            return
        if first == 0:
            self._begin(attempt)
            shutil.rmtree(self.path, ignore_errors=True)
        assert (attempt, first) == (self.attempt, self.count)
        for snapshot in snapshots:
            if snapshot.seed_number != self._seed_number:
                self._seed_number = snapshot.seed_number
                for number, level in enumerate(self._levels):
                    if level.end_point(self.step):
                        self._write_full(number, level)
            self.count, self.step = self.count + 1, snapshot.step
            self._measures.add(snapshot)
            self._columns = (GATE, *snapshot.details)
            values_VF = np.stack([snapshot.gate_F, *snapshot.details.values()]).astype(np.float32)
            for number, level in enumerate(self._levels):
                if level.add(snapshot.step, values_VF):
                    self._write_full(number, level)

    def flush(self) -> None:
        """Write what isn't in a full file; readers then see all that was taken."""
        if self._written == self.count:
            return
        for number, level in enumerate(self._levels):
            begun = number == 0 or self.count > ROWS * level.every // FACTOR
            if begun and (level.steps or level.summed):
                self._write(number, level)
        self._measures.write(self.path / MEASURES)
        self._written = self.count

    def _write_full(self, number: int, level: Level) -> None:
        self._write(number, level)
        level.full_files, level.steps, level.points_TVF = level.full_files + 1, [], []

    def _write(self, number: int, level: Level) -> None:
        steps, points_TVF = level.content(self.step)
        columns = [
            pa.FixedSizeListArray.from_arrays(pa.array(points_TVF[:, place].T.ravel()), len(steps))
            for place in range(len(self._columns))
        ]
        about = {"steps": json.dumps(steps), "every": str(level.every)}
        table = pa.table([self.features, *columns], ["feature", *self._columns]).replace_schema_metadata(about)
        path = self.path / str(number) / f"{level.full_files:06d}.arrow"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        temporary.replace(path)
