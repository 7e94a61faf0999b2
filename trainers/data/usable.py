"""Whether a split has what its metrics need: weight, both classes, groups with both. Reads no column but those.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.targets import decode_group, decode_label, decode_weight
from trainers.spec import DatasetSpec, JobSpec, SpecError

READ_ROWS = 2**20

Vector = NDArray[np.floating[Any]]
Targets = tuple[Vector, Vector, NDArray[np.int64]]


def check_targets(spec: JobSpec, source: Source, split: SplitName) -> None:
    """Read as many rows as it takes to know.

    Raises:
        SpecError: the weights sum to 0; the rows with weight have one class; under a guard of gauc, no group of the
            test split has both.
    """
    grouped = split == "test" and spec.prune.guard.metric == "gauc" and spec.dataset.group is not None
    weighed, classes, mixed = False, set[float](), False
    seen: dict[int, float] = {}
    for every_label_N, weight_N, every_group_N in _read(spec.dataset, source):
        label_N, group_N = every_label_N[weight_N > 0], every_group_N[weight_N > 0]
        weighed = weighed or len(label_N) > 0
        classes.update(np.unique(label_N).tolist())
        mixed = mixed or not grouped or _has_mixed_group(label_N, group_N, seen)
        if weighed and len(classes) == 2 and mixed:
            return
    if not weighed:
        raise SpecError(
            f"dataset.weight: column {spec.dataset.weight!r} is 0 in every row of {source.uri} ({split}); "
            "give some rows a weight, or leave dataset.weight out"
        )
    if len(classes) < 2:
        among = "every row" if spec.dataset.weight is None else "every row that has a weight"
        raise SpecError(
            f"dataset.{split}: label {spec.dataset.label!r} is {int(next(iter(classes)))} in {among} of {source.uri}; "
            "give data with both classes, or another `label`"
        )
    raise SpecError(
        f"prune.guard.metric: gauc has no group to be measured on: no value of {spec.dataset.group!r} in {source.uri} "
        "has rows of both labels; name another column as dataset.group, or choose another metric"
    )


def _read(dataset: DatasetSpec, source: Source) -> Iterator[Targets]:
    named = (dataset.label, dataset.weight, dataset.group)
    columns = list(dict.fromkeys(column for column in named if column is not None))
    for start in range(0, source.rows, READ_ROWS):
        table = source.read(columns, start, min(start + READ_ROWS, source.rows))
        arrays = {column: single_array(table.column(column)) for column in columns}
        rows = table.num_rows
        weight_N: Vector = np.ones(rows)
        if dataset.weight is not None:
            weight_N = decode_weight(dataset.weight, arrays[dataset.weight])
        group_N = np.zeros(rows, np.int64)
        if dataset.group is not None:
            group_N = decode_group(dataset.group, arrays[dataset.group])
        yield decode_label(dataset.label, arrays[dataset.label]), weight_N, group_N


def _has_mixed_group(label_N: Vector, group_N: NDArray[np.int64], seen: dict[int, float]) -> bool:
    """Whether a group has both labels, here or with rows before; `seen` has the label of each group so far."""
    for label in (0.0, 1.0):
        for group in np.unique(group_N[label_N == label]).tolist():
            if seen.setdefault(group, label) != label:
                return True
    return False
