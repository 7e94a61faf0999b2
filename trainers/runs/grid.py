"""The gates of a run as a heat map: a byte for each feature and step."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.runs.history_reader import (
    BEGUN_ANEW,
    Level,
    array_of,
    average_points,
    choose_level,
    group_ends,
    open_levels,
)
from trainers.runs.series import GateGrid

MAX_CELLS = 2_000_000
OPEN, NO_NUMBER = 254, 255
EMPTY = GateGrid(features=(), steps=(), every=1, final=(), cells="")


def read(path: Path, columns: int = 200, from_step: int | None = None, to_step: int | None = None) -> GateGrid:
    """The grid of the history below `path`, over the snapshots whose step lies within the two, both included.

    It has at most `columns` columns and MAX_CELLS cells; where there are more snapshots, a column is the mean over
    `every` of them and its step that of the last one, so that a narrower span shows finer ones.
    Empty before the first snapshot.
    """
    try:
        levels = open_levels(path)
        if not levels:
            return EMPTY
        finest = levels[0]
        features = array_of(finest.newest.table["feature"]).to_pylist()
        columns = max(1, min(columns, MAX_CELLS // len(features)))
        level, chosen = choose_level(levels, lambda level: level.between(from_step, to_step), columns)
        steps, cells_FT, every = _cells(level, chosen, columns)
        final_F = finest.newest.values_ft("gate", slice(None), slice(-1, None))[:, 0]
    except BEGUN_ANEW:
        return EMPTY
    return GateGrid(
        features=features,
        steps=tuple(steps),
        every=every,
        final=tuple(round(gate, 4) if np.isfinite(gate) else None for gate in final_F.tolist()),
        cells=base64.b64encode(cells_FT.tobytes()).decode(),
    )


def _cells(level: Level, chosen: range, columns: int) -> tuple[list[int], NDArray[np.uint8], int]:
    if not chosen:
        return [], np.empty((0, 0), np.uint8), level.every
    steps, (gate_FT,) = level.read(chosen, ["gate"])
    group = -(-len(steps) // columns)
    return (
        [steps[end] for end in group_ends(len(steps), group)],
        _bytes(average_points(gate_FT, group)),
        level.every * group,
    )


def _bytes(gate_FT: NDArray[np.float32]) -> NDArray[np.uint8]:
    scaled_FT = np.clip(gate_FT, 0.0, 1.0) * OPEN + 0.5
    return np.where(np.isfinite(gate_FT), scaled_FT, NO_NUMBER).astype(np.uint8)
