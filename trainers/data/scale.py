"""How a dense column becomes a number near 1: standardized, and first compressed where its tails are heavy.

Amounts and counts often have a few values thousands of times larger than the others. Their standard deviation is that
of these few: divided by it, all other values are one number to a model.

Shapes: N rows, n of them sampled, D columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]

HEAVY = 3.0
"""Tails are heavy where the root mean square distance from the middle is so many times the median distance: 1.5 times for
a normal distribution, 2.2 for an exponential one, 3.8 for a lognormal one of σ = 1."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """z = (y − mean) / std, where y is the value x or, in columns with a spread, sign(u) log(1 + |u|) of
    u = (x − middle) / spread.

    Attributes:
        mean_D, std_D: float64.
        middle_D, spread_D: of compressed columns; a spread of 0 in the others. None where no column is.
    """

    mean_D: Columns
    std_D: Columns
    middle_D: Columns | None = None
    spread_D: Columns | None = None

    @property
    def compressed_D(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.mean_D), bool) if self.spread_D is None else self.spread_D > 0

    def of(self, columns: slice) -> Scale:
        """The scale of some columns."""
        plain = Scale(mean_D=self.mean_D[columns], std_D=self.std_D[columns])
        if self.middle_D is None or self.spread_D is None or not self.spread_D[columns].any():
            return plain
        return replace(plain, middle_D=self.middle_D[columns], spread_D=self.spread_D[columns])

    def apply(self, x_ND: NDArray[np.float64]) -> NDArray[np.float64]:
        """z of N values each; inf beyond float64."""
        if self.middle_D is not None and self.spread_D is not None:
            x_ND = np.where(self.spread_D > 0, _compress(x_ND, self.middle_D, self.spread_D), x_ND)
        return (x_ND - self.mean_D) / self.std_D


def compressing(plain: Scale, sample_nD: NDArray[np.float64], may_D: NDArray[np.bool_]) -> Scale:
    """`plain`, with the columns compressed whose tails are heavy.

    Args:
        plain: mean and deviation of all rows.
        sample_nD: some of the rows.
        may_D: columns that may be compressed.
    """
    if not len(sample_nD) or not may_D.any():
        return plain
    middle_D = np.median(sample_nD, 0)
    apart_nD = sample_nD - middle_D
    spread_D = np.array([_spread(column_n) for column_n in apart_nD.T])
    # Of the values that aren't in the middle: of a sparse column, a few rows have them.
    share_D = np.maximum((apart_nD != 0).mean(0), 1 / len(apart_nD))
    with np.errstate(over="ignore", invalid="ignore"):
        distance_D = np.hypot(plain.std_D, plain.mean_D - middle_D) / np.sqrt(share_D)
    compressed_nD = _compress(sample_nD, middle_D, spread_D)
    mean_D, std_D = compressed_nD.mean(0), compressed_nD.std(0)
    heavy_D = may_D & (spread_D > 0) & (distance_D > HEAVY * spread_D) & (std_D > 0)
    if not heavy_D.any():
        return plain
    return Scale(
        mean_D=np.where(heavy_D, mean_D, plain.mean_D),
        std_D=np.where(heavy_D, std_D, plain.std_D),
        middle_D=middle_D,
        spread_D=np.where(heavy_D, spread_D, 0.0),
    )


def _spread(apart_n: NDArray[np.float64]) -> float:
    """Median distance from the middle of the values that aren't there."""
    distance_n = np.abs(apart_n[apart_n != 0])
    return float(np.median(distance_n)) if len(distance_n) else 0.0


def _compress(x_ND: NDArray[np.float64], middle_D: Columns, spread_D: Columns) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        apart_ND = (x_ND - middle_D) / np.where(spread_D > 0, spread_D, 1.0)
    return np.sign(apart_ND) * np.log1p(np.abs(apart_ND))
