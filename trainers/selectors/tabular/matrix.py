"""A sample as one matrix of numbers: for selectors that fit a model or take correlations.

- Numbers enter as they are, a vector with all of its columns.
- Ids enter as the label's mean over the id's other rows: out of fold, so that an id never sees its own row's label.
  Codes by frequency or by order would need no label, but their order says nothing of it: a linear model and a
  correlation would be blind to ids, and trees would spend their splits on cutting the order up.
- Lists enter with two columns: their length, and the mean of the same over their ids.

A feature's score is the sum or the maximum over its columns, as its selector says.

Shapes: N rows, K columns of the matrix, F features, V ids in lists, U different ids, G folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainers.selectors.tabular.sample import Column, Ids, Numbers, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
# An id's mean is drawn to that of all rows as by so many rows of it.
PRIOR_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """K columns of numbers, feature after feature.

    Args:
        x_NK: float64; what a constant column says is nothing.
        label_N: 0 or 1, int64.
        weight_N: of the rows, or None where all are 1.
        columns: of each feature, in the sample's order.
    """

    x_NK: NDArray[np.float64]
    label_N: NDArray[np.int64]
    weight_N: NDArray[np.float64] | None
    columns: Mapping[str, slice]

    def standardized(self) -> NDArray[np.float64]:
        """Columns of mean 0 and deviation 1; 0 where a column is constant: (N, K)."""
        import numpy as np

        constant_K = np.ptp(self.x_NK, axis=0) == 0
        centered_NK = np.where(constant_K, 0.0, self.x_NK - self.x_NK.mean(0))
        scaled_NK: NDArray[np.float64] = centered_NK / np.where(constant_K, 1.0, centered_NK.std(0))
        return scaled_NK

    def best(self, value_K: NDArray[np.float64]) -> dict[str, float]:
        """The maximum over each feature's columns."""
        return {name: float(value_K[columns].max()) for name, columns in self.columns.items()}

    def total(self, value_K: NDArray[Any]) -> dict[str, float]:
        """The sum over each feature's columns."""
        return {name: float(value_K[columns].sum()) for name, columns in self.columns.items()}


def build_matrix(sample: Sample) -> Matrix:
    import numpy as np

    label_N = sample.label_N.astype(np.int64)
    fold_N = _folds(label_N, sample.seed)
    parts = {name: _columns_of(column, label_N, fold_N) for name, column in sample.columns.items()}
    columns, start = {}, 0
    for name, part_Nk in parts.items():
        columns[name] = slice(start, start + part_Nk.shape[1])
        start += part_Nk.shape[1]
    weight_N = sample.weight_N.astype(np.float64)
    return Matrix(
        x_NK=np.concatenate(list(parts.values()), 1),
        label_N=label_N,
        weight_N=None if np.all(weight_N == 1) else weight_N,
        columns=columns,
    )


def out_of_fold_means(
    ids_V: NDArray[np.int64], owner_V: NDArray[np.int64], label_N: NDArray[np.int64], fold_N: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far the label's mean over an id's rows of other folds is from that of all rows of other folds: (V).

        Σ_{rows of the id} (y − ȳ) / (rows of the id + PRIOR_ROWS)

    Exactly 0 for an id that every row has, and for one that other folds don't have.

    Args:
        ids_V: ids, each with the row that it is of.
        owner_V: those rows.
        label_N: 0 or 1.
        fold_N: folds of the rows, from 0 to FOLDS − 1.
    """
    import numpy as np

    values, place_V = np.unique(ids_V, return_inverse=True)
    cell_V = place_V * FOLDS + fold_N[owner_V]

    def others_UG(chosen_V: NDArray[np.int64]) -> NDArray[np.int64]:
        found_UG = np.bincount(chosen_V, minlength=len(values) * FOLDS).reshape(len(values), FOLDS)
        others: NDArray[np.int64] = found_UG.sum(1, keepdims=True) - found_UG
        return others

    count_UG, positive_UG = others_UG(cell_V), others_UG(cell_V[label_N[owner_V] == 1])
    rows_G = len(label_N) - np.bincount(fold_N, minlength=FOLDS)
    positives_G = label_N.sum() - np.bincount(fold_N, weights=label_N, minlength=FOLDS).astype(np.int64)
    found_UG = (positive_UG * rows_G - count_UG * positives_G) / (np.maximum(rows_G, 1) * (count_UG + PRIOR_ROWS))
    found_V: NDArray[np.float64] = found_UG.reshape(-1)[cell_V]
    return found_V


def _columns_of(column: Column, label_N: NDArray[np.int64], fold_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, k)."""
    import numpy as np

    if isinstance(column, Numbers):
        return column.values_Nd.astype(np.float64)
    if isinstance(column, Ids):
        return out_of_fold_means(column.ids_N, np.arange(len(label_N)), label_N, fold_N)[:, None]
    owner_V = np.repeat(np.arange(len(label_N)), column.lengths_N)
    mean_V = out_of_fold_means(column.values_V, owner_V, label_N, fold_N)
    sum_N = np.bincount(owner_V, weights=mean_V, minlength=len(label_N))
    return np.stack([column.lengths_N, sum_N / np.maximum(column.lengths_N, 1)], 1)


def _folds(label_N: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """A fold for each row, by the seed; each has its share of either label (N)."""
    import numpy as np

    fold_N = np.empty(len(label_N), np.int64)
    order_N = np.random.default_rng(seed % 2**64).permutation(len(label_N))
    fold_N[order_N[np.argsort(label_N[order_N], kind="stable")]] = np.arange(len(label_N)) % FOLDS
    return fold_N
