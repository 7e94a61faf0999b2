"""Pearson's chi² of a feature and the label, as a strength that doesn't grow with rows or values (Bergsma 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.tabular.sample import Sample


class Chi2Spec(TabularSpec):
    """Score of a feature: √max(0, χ²/N − (k − 1)/(N − 1)), k the number of its values: Cramér's V with a binary label,
    less what chance alone gives. Without that, an id that occurs once would be perfect.

    Numbers of many values count by quantiles; vectors and lists by their best part. Rows count alike.
    """

    name: Literal["chi2"]

    def rank(self, sample: Sample) -> Ranking:
        from trainers.selectors.tabular.parts import best_part

        return Ranking.by_score(best_part(sample, association), diagnostics={"passes": 1.0})


def association(code_N: NDArray[np.int64], label_N: NDArray[np.int64]) -> float:
    """Of a part's codes with the label; 0 where either is constant."""
    import numpy as np

    rows, share = len(label_N), float(label_N.mean())
    count = np.bincount(code_N)
    count, positive = count[count > 0], np.bincount(code_N, weights=label_N)[count > 0]
    if len(count) == 1 or share in (0.0, 1.0):
        return 0.0
    chi2 = float((np.square(positive - count * share) / (count * share * (1 - share))).sum())
    return float(np.sqrt(max(0.0, chi2 / rows - (len(count) - 1) / (rows - 1))))
