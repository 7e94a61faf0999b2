"""The measures of a run over time: what `trainers/runs/measures.py` writes, thinned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.runs.history_reader import group_ends
from trainers.runs.measures import NAMES
from trainers.runs.series import MeasureSeries, Series

# Positions in the search rather than quantities: of a group, the last one.
POSITIONS = ("step", "seconds", "seed_number")


def read(path: Path, after_step: int | None = None, points: int = 1000) -> MeasureSeries:
    """The measures in the file `path`, of the snapshots beyond `after_step`, in at most `points` points.

    Where there are more snapshots, a point is the mean over `every` neighbouring ones, of the numbers among them; its
    step and seconds are those of the last one. The last point may be of fewer.
    All empty before the first snapshot.
    """
    columns = _columns(path)
    begin = 0 if after_step is None else int(np.searchsorted(columns["step"], after_step, side="right"))
    count = len(columns["step"]) - begin
    every = max(1, -(-count // points))
    ends = [begin + end for end in group_ends(count, every)] if count else []
    thinned = {
        name: values[ends] if name in POSITIONS else _means(values[begin:], every) for name, values in columns.items()
    }
    steps = thinned.pop("step").astype(np.int64).tolist()
    series = {name: _as_numbers(values) for name, values in thinned.items()}
    return MeasureSeries(every=every, steps=steps, **series)


def _columns(path: Path) -> dict[str, NDArray[np.float64]]:
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except FileNotFoundError:
        return {name: np.empty(0) for name in NAMES}
    return {name: _stored(name, table) for name in NAMES}


def _stored(name: str, table: pa.Table) -> NDArray[np.float64]:
    """A file of the version before has crossing_share under its old name alone, and is of one seed."""
    if name not in table.column_names and name == "seed_number":
        return np.ones(len(table))
    name = "undecided" if name == "crossing_share" and name not in table.column_names else name
    return table[name].to_numpy().astype(np.float64)


def _means(values_T: NDArray[np.float64], every: int) -> NDArray[np.float64]:
    """Over groups, of the numbers in each; NaN where there is none."""
    if every == 1 or not len(values_T):
        return values_T
    begins, numbers_T = np.arange(0, len(values_T), every), np.isfinite(values_T)
    sums = np.add.reduceat(np.where(numbers_T, values_T, 0.0), begins)
    counts = np.add.reduceat(numbers_T.astype(np.int64), begins)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(begins), np.nan), where=counts > 0)
    return means


def _as_numbers(values_T: NDArray[np.float64]) -> Series:
    return tuple(value if np.isfinite(value) else None for value in values_T.tolist())
