"""Features that can tell nothing, by the training rows at hand: null, or of one value; groups that are one.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainers.data.split_sample import SplitSample
from trainers.data.targets import NULL_GROUP
from trainers.problems import list_names


def constant_warnings(sample: SplitSample, rows: str) -> Iterator[str]:
    """A line for features that are null, empty or at their default in all rows, and one for others of one value.

    Args:
        sample: of the training rows.
        rows: which of them were read, in words.
    """
    at_default = [name for name, share in sample.at_default.items() if share == 1]
    if at_default:
        yield (
            f"features null, empty or at their default in {rows}: {list_names(map(repr, at_default))}; correct their "
            "columns, or take them out"
        )
    constant = [name for name in sample.at_default if name in sample.constant and name not in at_default]
    if constant:
        names = list_names(map(repr, constant))
        yield f"features with one value in {rows}: {names}; correct their columns, or take them out"


def group_warning(column: str, rows: str, group_N: NDArray[np.int64]) -> str | None:
    """What to say of groups that are one, in rows of a split in words."""
    if (group_N != group_N[0]).any():
        return None
    what = "is null" if group_N[0] == NULL_GROUP else "has one value"
    return (
        f"dataset.group: column {column!r} {what} in {rows}: GAUC of one group is AUC; "
        "correct the column, or leave dataset.group out"
    )
