"""The history of a run's gates as rows of numbers: of chosen features, over the last snapshots, thinned."""

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

from trainers.runs.history_reader import (
    ALL,
    BEGUN_ANEW,
    array_of,
    average_points,
    choose_level,
    group_ends,
    open_levels,
)

MAX_CELLS = 2_000_000


class UnknownFeatureError(LookupError):
    """A feature that the run doesn't have; the message is its name."""


@dataclass(frozen=True)
class Slice:
    """Points (T) of features (F), each the mean over `every` snapshots; its step is that of the last one.

    `details` has a matrix like the gates' for each thing that the selector tells beside the score, by name.
    """

    features: list[str]
    steps: list[int]
    every: int
    gate_FT: NDArray[np.float32]
    details: dict[str, NDArray[np.float32]]


EMPTY = Slice([], [], 1, np.empty((0, 0), np.float32), {})


def read(path: Path, wanted: Sequence[str], last: int | None, points: int) -> Slice:
    """The history below `path` of these features (of all where none is named) over the last so many snapshots.

    At most `points` points, and no more than MAX_CELLS cells; neighbouring points are averaged where there are more.

    Raises:
        UnknownFeatureError: a feature isn't one of the run's.
    """
    try:
        levels = open_levels(path)
        if not levels:
            return EMPTY
        names = array_of(levels[0].newest.table["feature"])
        places = _places(names, wanted) if wanted else ALL
        features: list[str] = list(wanted) or names.to_pylist()
        points = max(1, min(points, MAX_CELLS // len(features)))
        level, chosen = choose_level(levels, lambda level: level.last(last), points)
        details = levels[0].newest.details
        steps, values = level.read(chosen, ["gate", *details], places)
    except BEGUN_ANEW:
        return EMPTY
    group = -(-len(steps) // points)
    gate_FT, *others = (average_points(each, group) for each in values)
    ends = [steps[end] for end in group_ends(len(steps), group)]
    return Slice(features, ends, level.every * group, gate_FT, dict(zip(details, others, strict=True)))


def _places(names: Any, wanted: Sequence[str]) -> NDArray[np.int64]:
    found: Any = pc.index_in(pa.array(wanted, pa.string()), value_set=names)
    if found.null_count:
        raise UnknownFeatureError(wanted[found.is_null().index(True).as_py()])
    places: NDArray[np.int64] = found.cast(pa.int64()).to_numpy()
    return places


def as_json(found: Slice) -> bytes:
    """The slice as the API sends it, rows by step. Arrow writes the numbers, and holds up no other thread meanwhile."""
    head = json.dumps({"features": found.features, "steps": found.steps, "every": found.every})
    details = {name: _rows(values) for name, values in found.details.items()}
    told = ", ".join(f"{json.dumps(name)}: {rows}" for name, rows in details.items())
    # The old place of details.divergence, for one version.
    divergences = details.get("divergence", "[]")
    gates = _rows(found.gate_FT)
    return f'{head[:-1]}, "gates": {gates}, "details": {{{told}}}, "divergences": {divergences}}}'.encode()


def _rows(values_FT: NDArray[np.float32]) -> str:
    count, length = values_FT.shape
    flat = np.ascontiguousarray(values_FT.T).ravel()
    numbers: Any = pa.array(flat, mask=~np.isfinite(flat))
    text: Any = pc.fill_null(numbers.cast(pa.string()), "null")
    offsets: Any = pa.array(np.arange(length + 1, dtype=np.int32) * count)
    joined: Any = pc.binary_join(pa.ListArray.from_arrays(offsets, text), ",")
    rows = joined.to_pylist()
    return f"[{','.join(f'[{row}]' for row in rows)}]"
