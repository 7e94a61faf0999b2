"""How a dense column becomes a number near 1: standardized, and first compressed where its tails are heavy.

Amounts and counts often have a few values thousands of times larger than the others. Their standard deviation is that
of these few: divided by it, all other values are one number to a model.

Shapes: N rows, n of them sampled, D columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]

ROUNDING = 1e-13
"""What lies less than this share of a number from it is rounding of it, in float64: so a deviation of its mean is."""
TOGETHER = 256
"""Columns looked at together."""
HEAVY = 3.0
"""Tails are heavy where the root mean square distance from the middle is so many times the median distance. It is 1.5
times for a normal distribution, 2.2 for an exponential one, 3.8 for a lognormal one of σ = 1."""


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
        """z of N values each; inf beyond float64. Logarithms are taken of the compressed columns alone."""
        if self.middle_D is not None and self.spread_D is not None:
            heavy_D, x_ND = self.compressed_D, x_ND.copy()
            x_ND[:, heavy_D] = _compress(x_ND[:, heavy_D], self.middle_D[heavy_D], self.spread_D[heavy_D])
        return (x_ND - self.mean_D) / self.std_D


def compressing(plain: Scale, sample_nD: NDArray[np.float64], may_D: NDArray[np.bool_]) -> Scale:
    """`plain`, with the columns compressed whose tails are heavy. A few columns at a time: samples may be large.

    Args:
        plain: mean and deviation of all rows.
        sample_nD: some of the rows.
        may_D: columns that may be compressed.
    """
    mean_D, std_D = plain.mean_D.copy(), plain.std_D.copy()
    middle_D, spread_D = np.zeros_like(mean_D), np.zeros_like(mean_D)
    for start in range(0, len(may_D) if len(sample_nD) else 0, TOGETHER):
        columns = start + np.flatnonzero(may_D[start : start + TOGETHER])
        with np.errstate(over="ignore", invalid="ignore"):
            heavy, *of_heavy = _heavy(sample_nD[:, columns], plain.mean_D[columns], plain.std_D[columns])
        for all_D, found_d in zip((mean_D, std_D, middle_D, spread_D), of_heavy, strict=True):
            all_D[columns[heavy]] = found_d
    return Scale(mean_D=mean_D, std_D=std_D, middle_D=middle_D, spread_D=spread_D) if spread_D.any() else plain


def _heavy(sample_nD: NDArray[np.float64], mean_D: Columns, std_D: Columns) -> tuple[NDArray[Any], ...]:
    """Which columns have heavy tails, and of those the compressed values' mean and deviation, and middle and spread."""
    middle_D = np.median(sample_nD, 0)
    distance_nD = np.abs(sample_nD - middle_D)
    # What differs by rounding alone is in the middle too.
    away_nD = distance_nD > ROUNDING * np.abs(middle_D)
    pairs = zip(distance_nD.T, away_nD.T, strict=True)
    spread_D = np.array([np.median(distance_n[away_n]) if away_n.any() else 0.0 for distance_n, away_n in pairs])
    # Of the values that aren't in the middle: of a sparse column, a few rows have them.
    share_D = np.maximum(away_nD.mean(0), 1 / len(sample_nD))
    typical_D = np.hypot(std_D, mean_D - middle_D) / np.sqrt(share_D)
    compressed_nD = _compress(sample_nD, middle_D, spread_D)
    new_D = compressed_nD.std(0)
    heavy = (spread_D > 0) & np.isfinite(spread_D) & (typical_D > HEAVY * spread_D) & (new_D > 0)
    return heavy, compressed_nD.mean(0)[heavy], new_D[heavy], middle_D[heavy], spread_D[heavy]


def _compress(x_ND: NDArray[np.float64], middle_D: Columns, spread_D: Columns) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        apart_ND = (x_ND - middle_D) / np.where(spread_D > 0, spread_D, 1.0)
    return np.sign(apart_ND) * np.log1p(np.abs(apart_ND))
