"""A column as values that are compared with the label one by one: for selectors that count.

Shapes: N rows, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from trainers.selectors.tabular.sample import Column, Ids, Numbers, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Ids of a list that are looked at one by one.
COMMON_IDS = 64
# A number that takes no more values than this is counted by value; of others, as many quantiles.
FEW_VALUES = 64
QUANTILES = 32


def parts_of(column: Column) -> Iterator[NDArray[Any]]:
    """One value a row (N), each: ids; the columns of a vector; a list's length, and whether it has one of its most
    frequent ids."""
    import numpy as np

    if isinstance(column, Ids):
        yield column.ids_N
        return
    if isinstance(column, Numbers):
        yield from column.values_Nd.T
        return
    yield column.lengths_N
    owner_V = np.repeat(np.arange(len(column.lengths_N)), column.lengths_N)
    ids, count = np.unique(column.values_V, return_counts=True)
    for each in ids[np.argsort(-count, kind="stable")[:COMMON_IDS]]:
        has_N = np.zeros(len(column.lengths_N), np.int64)
        has_N[owner_V[column.values_V == each]] = 1
        yield has_N


def best_part(sample: Sample, score: Callable[[NDArray[np.int64], NDArray[np.int64]], float]) -> dict[str, float]:
    """By feature: the greatest `score` of its parts' codes and the labels, both (N). What a feature says is at least
    what its best part says, so that features of any dims compare."""
    import numpy as np

    label_N = sample.label_N.astype(np.int64)
    return {
        name: max(score(codes_of(part_N), label_N) for part_N in parts_of(column))
        for name, column in sample.columns.items()
    }


def codes_of(part_N: NDArray[Any]) -> NDArray[np.int64]:
    """The values of a part numbered from 0; quantiles of a number of many values: (N)."""
    import numpy as np

    values, code_N = np.unique(part_N, return_inverse=True)
    if part_N.dtype.kind != "f" or len(values) <= FEW_VALUES:
        return code_N.astype(np.int64)
    edges = np.unique(np.quantile(part_N, np.linspace(0, 1, QUANTILES + 1)[1:-1], method="lower"))
    return np.searchsorted(edges, part_N, side="left").astype(np.int64)
