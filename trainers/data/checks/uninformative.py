"""Features that can tell nothing, by the training rows at hand: null, or of one value; groups that are one.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainers.data.checks.split_sample import SplitSample
from trainers.metrics.clusters import NULL_GROUP, effective_rows, number_clusters
from trainers.problems import list_names

# Fewer groups say little of how groups vary.
FEW_GROUPS = 30


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


def group_warnings(column: str, rows: str, group_N: NDArray[np.int64], *, measured: bool) -> Iterator[str]:
    """What to say of groups that are one, and of groups that are missing or few where quality is measured by them.

    Args:
        column: of the group.
        rows: of a split, in words.
        group_N: theirs.
        measured: whether the guard's interval is of this split.
    """
    null, name = float((group_N == NULL_GROUP).mean()), f"dataset.group: column {column!r}"
    if (group_N == group_N[0]).all():
        gauc = "GAUC has no group" if null else "GAUC of one group is AUC"
        what = "is null" if null else "has one value"
        yield f"{name} {what} in {rows}: {gauc}; correct the column, or leave dataset.group out"
        return
    if not measured:
        return
    if null:
        yield (
            f"{name} is null in {null:.2%} of {rows}: GAUC leaves these rows out, and the guard's interval takes each "
            "of them for a group of its own; fill in what they have in common, if anything"
        )
    size_G = np.bincount(number_clusters(group_N)).astype(np.float64)
    effective = effective_rows(size_G)
    if effective < FEW_GROUPS:
        yield (
            f"{name} makes groups of {rows} that say as much as {effective:.3g} of one size (the largest has "
            f"{size_G.max() / size_G.sum():.0%} of the rows): the guard's interval is of groups, and of so few it is "
            "wide, or there is none; name a column of more groups, or leave dataset.group out if rows are independent"
        )
