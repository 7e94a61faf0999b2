"""The share of label 1 in each split, and whether splits differ in it far beyond what chance does.

Shapes: N rows of a part of a split.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainers.data.splits import SplitName

# Standard errors beyond which a difference isn't chance, and the ratio of odds from which it is worth a word.
FAR = 4.0
TIMES_APART = 1.5


@dataclass
class LabelCount:
    """Of the rows that were read of a split, part by part."""

    rows: int = 0
    positives: int = 0
    weight: float = 0.0
    positive_weight: float = 0.0
    squares: float = 0.0
    shares: list[float] = field(default_factory=list)

    def add(self, label_N: NDArray[np.floating], weight_N: NDArray[np.floating]) -> None:
        """Count a part; its labels are 0 or 1. Weights are as the column has them, or 1."""
        positive_N = label_N > 0
        self.rows += len(label_N)
        self.positives += int(positive_N.sum())
        with np.errstate(over="ignore"):
            weight, positive = float(weight_N.sum()), float(weight_N[positive_N].sum())
            self.squares += float((weight_N.astype(np.float64) ** 2).sum())
        self.weight += weight
        self.positive_weight += positive
        if weight > 0:
            self.shares.append(positive / weight)

    @property
    def positive_share(self) -> float:
        """Share of the rows."""
        return self.positives / self.rows

    @property
    def share(self) -> float:
        """Share of the weight, which training and metrics go by; NaN where there is no weight."""
        return self.positive_weight / self.weight if self.weight > 0 else math.nan

    def effective(self, total: int) -> float:
        """How many rows drawn one by one tell the share as well, of a split of `total` rows.

        (Σ w)² / Σ w² (Kish 1965). Where parts were read of more rows, what differs between these counts too: rows may
        be sorted.
        """
        rows = self.weight * self.weight / self.squares if self.squares > 0 else 0.0
        if self.rows < total and len(self.shares) > 1:
            spread = float(np.var(self.shares, ddof=1)) / len(self.shares)
            rows = min(rows, self.share * (1 - self.share) / spread) if spread > 0 else rows
        return rows


def label_share_warnings(counts: Mapping[SplitName, LabelCount], totals: Mapping[SplitName, int]) -> Iterator[str]:
    """A line for each split whose share of label 1 is another one than training's: the z of two proportions is beyond
    FAR, and their odds differ by TIMES_APART.

    Args:
        counts: by split.
        totals: rows of each split.
    """
    train = counts["train"]
    others: tuple[SplitName, ...] = ("validation", "test")
    for split in others:
        other = counts[split]
        z = _z(train, totals["train"], other, totals[split])
        if z > FAR and _odds_ratio(train.share, other.share) > TIMES_APART:
            share = "share of label 1" if train.weight == train.rows else "share of label 1, by weight,"
            yield (
                f"dataset.{split}: the {share} is {other.share:.3g} here and {train.share:.3g} in training "
                f"(z = {z:.0f}, by {other.rows:,} and {train.rows:,} rows): the model learns another share; "
                "cut splits whose rows are alike, or where rows were sampled by label, undo it by dataset.weight"
            )


def _odds_ratio(one: float, other: float) -> float:
    ratio = one / (1 - one) / (other / (1 - other))
    return max(ratio, 1 / ratio)


def _z(one: LabelCount, rows: int, other: LabelCount, others: int) -> float:
    """Of two proportions, in standard errors; 0 where there is nothing to tell by, or a split has one class."""
    n, m = one.effective(rows), other.effective(others)
    if not (n > 0 and m > 0 and 0 < one.share < 1 and 0 < other.share < 1):
        return 0.0
    both = (one.share * n + other.share * m) / (n + m)
    return abs(one.share - other.share) / math.sqrt(both * (1 - both) * (1 / n + 1 / m))
