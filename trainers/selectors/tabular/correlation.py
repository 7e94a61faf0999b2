"""Correlations of a matrix's columns.

Shapes: N rows, K columns, k columns of one feature, F features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.tabular.matrix import Matrix


def with_label(matrix: Matrix) -> NDArray[np.float64]:
    """|r| of each column with the label, 0 where either is constant: (K)."""
    import numpy as np

    centered_N = matrix.label_N - matrix.label_N.mean()
    found_K: NDArray[np.float64] = np.abs(centered_N @ matrix.standardized()) / len(centered_N)
    return found_K / (centered_N.std() or 1.0)


def among_columns(matrix: Matrix) -> NDArray[np.float64]:
    """r of each column with each: (K, K); rows of 0 for constant columns."""
    x_NK = matrix.standardized()
    found_KK: NDArray[np.float64] = x_NK.T @ x_NK / len(x_NK)
    return found_KK


def closest(matrix: Matrix) -> NDArray[np.float64]:
    """The greatest |r| of two features' columns: (F, F); 0 for constant features. A feature at a time, so that no
    matrix of all columns with all is held."""
    import numpy as np

    x_NK, every = matrix.standardized(), list(matrix.columns.values())
    starts = [columns.start for columns in every]
    rows = []
    for columns in every:
        size_kK = np.abs(x_NK[:, columns].T @ x_NK) / len(x_NK)
        rows.append(np.maximum.reduceat(size_kK.max(0), starts))
    return np.stack(rows)
