"""Rows that go together: which rows are of one group, and for how many independent ones unequal ones count.

Shapes: N rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NULL_GROUP = -(2**63)
"""The group of rows without one. They have nothing in common, so each of them is a cluster of its own."""
SMALLEST = float(np.finfo(np.float64).tiny)
"""The smallest float64 with all its digits."""


def number_clusters(group_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows' clusters (N), numbered from 0: a group's rows are one, and each row without a group is one.

    Example:
        >>> number_clusters(np.array([7, NULL_GROUP, 3, 7, NULL_GROUP])).tolist()
        [1, 2, 0, 1, 3]
    """
    null_N = group_N == NULL_GROUP
    groups, of_group = np.unique(group_N[~null_N], return_inverse=True)
    cluster_N = np.empty(len(group_N), np.int64)
    cluster_N[~null_N] = of_group
    cluster_N[null_N] = len(groups) + np.arange(np.count_nonzero(null_N))
    return cluster_N


def effective_rows(weight_N: NDArray[np.floating[Any]]) -> float:
    """(Σ w)² / Σ w² (Kish 1965): how many rows, or clusters, of one weight say as much; 0 where there is no weight.

    Example:
        >>> effective_rows(np.array([1.0, 1.0, 0.0])), round(effective_rows(np.array([1.0, 1.0, 1e30])), 2)
        (2.0, 1.0)
    """
    largest = float(weight_N.max(initial=0.0))
    if largest <= 0:
        return 0.0
    relative_N = weight_N / largest if largest >= SMALLEST else (weight_N > 0).astype(np.float64)
    return float(relative_N.sum() ** 2 / (relative_N**2).sum())
