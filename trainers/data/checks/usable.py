"""Whether a split has what its metrics need: weight, both classes, groups with both; and its share of label 1.
Reads no column but those.

Shapes: N rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.checks.label_shares import LabelCount
from trainers.data.checks.value_check import locating
from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.targets import decode_group, decode_label, decode_weight
from trainers.metrics.clusters import NULL_GROUP
from trainers.spec import DatasetSpec, JobSpec, SpecError

READ_ROWS = 2**16
# Rows that are read of a larger split, from all over it, once all that must be known is known.
ENOUGH_ROWS = 2**22
# Share of a split between two parts that are read one after the other: any number of them lies all over it.
GOLDEN = (5**0.5 - 1) / 2

Vector = NDArray[np.floating[Any]]
Targets = tuple[Vector, Vector, NDArray[np.int64]]


def check_targets(spec: JobSpec, source: Source, split: SplitName) -> LabelCount:
    """Read labels and weights, and as many groups as it takes to know.

    Raises:
        SpecError: the weights sum to 0; the rows with weight have one class; under a guard of gauc, no group of the
            test split has both.
    """
    grouped = split == "test" and spec.prune.guard.metric == "gauc" and spec.dataset.group is not None
    count, classes, mixed = LabelCount(), set[bool](), not grouped
    seen: dict[int, float] = {}
    for start in _starts(source.rows):
        with locating(spec.dataset, (), source, [(start, min(start + READ_ROWS, source.rows))]):
            label_N, weight_N, group_N = _read(spec.dataset, source, start, grouped=not mixed)
        count.add(label_N, weight_N)
        if len(classes) < 2 or not mixed:
            label_N, group_N = label_N[weight_N > 0], group_N[weight_N > 0]
            classes |= {bool(label) for label in (0, 1) if (label_N == label).any()}
            mixed = mixed or _has_mixed_group(label_N, group_N, seen)
        if count.rows >= ENOUGH_ROWS and len(classes) == 2 and mixed:
            return count
    if not classes:
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
    if not mixed:
        raise SpecError(
            f"prune.guard.metric: gauc has no group to be measured on: no value of {spec.dataset.group!r} in "
            f"{source.uri} has rows of both labels; name another column as dataset.group, or choose another metric"
        )
    return count


def _starts(rows: int) -> list[int]:
    """Where parts of READ_ROWS begin, in an order of which every beginning lies all over the rows, where not all of
    them are likely to be read."""
    starts = list(range(0, rows, READ_ROWS))
    if rows <= ENOUGH_ROWS:
        return starts
    return [starts[at] for at in np.argsort(np.arange(len(starts)) * GOLDEN % 1).tolist()]


def _read(dataset: DatasetSpec, source: Source, start: int, *, grouped: bool) -> Targets:
    named = (dataset.label, dataset.weight, dataset.group if grouped else None)
    columns = list(dict.fromkeys(column for column in named if column is not None))
    table = source.read(columns, start, min(start + READ_ROWS, source.rows))
    arrays = {column: single_array(table.column(column)) for column in columns}
    weight_N: Vector = np.ones(table.num_rows)
    if dataset.weight is not None:
        weight_N = decode_weight(dataset.weight, arrays[dataset.weight])
    group_N = np.zeros(table.num_rows, np.int64)
    if grouped and dataset.group is not None:
        group_N = decode_group(dataset.group, arrays[dataset.group])
    return decode_label(dataset.label, arrays[dataset.label]), weight_N, group_N


def _has_mixed_group(label_N: Vector, group_N: NDArray[np.int64], seen: dict[int, float]) -> bool:
    """Whether a group has both labels, here or with rows before; `seen` has the label of each group so far."""
    for label in (0.0, 1.0):
        for group in np.unique(group_N[(label_N == label) & (group_N != NULL_GROUP)]).tolist():
            if seen.setdefault(group, label) != label:
                return True
    return False
