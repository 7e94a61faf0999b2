"""How far chance moves the difference of two models' quality, on the same rows. Numpy only, float64.

Shapes: N rows, P positives, M negatives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trainers.metrics.quality import Vector


def auc_error(label_N: Vector, first_N: Vector, second_N: Vector) -> float | None:
    """Standard error of the difference of two AUCs (DeLong et al. 1988, by the midranks of Sun and Xu 2014).

    None where a class has fewer than two rows.
    """
    positive = np.asarray(label_N) > 0
    if min(positive.sum(), (~positive).sum()) < 2:
        return None
    (first_P, first_M), (second_P, second_M) = (_placements(score, positive) for score in (first_N, second_N))
    variance = sum(np.var(a - b, ddof=1) / len(a) for a, b in ((first_P, second_P), (first_M, second_M)))
    return float(np.sqrt(variance))


def logloss_error(label_N: Vector, first_N: Vector, second_N: Vector) -> float | None:
    """Standard error of the difference of two mean log losses, of logits; None under two rows."""
    if len(label_N) < 2:
        return None
    first, second, label = (np.asarray(values, dtype=np.float64) for values in (first_N, second_N, label_N))
    difference_N = np.logaddexp(0.0, first) - np.logaddexp(0.0, second) - label * (first - second)
    return float(difference_N.std(ddof=1) / np.sqrt(len(difference_N)))


def ne_error(label_N: Vector, first_N: Vector, second_N: Vector) -> float | None:
    """Of normalized entropies, the rows' base rate taken as it is."""
    rate = float(np.mean(label_N))
    error = logloss_error(label_N, first_N, second_N)
    if error is None or rate in (0.0, 1.0):
        return None
    return error / float(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate))


ERRORS: dict[str, Callable[[Vector, Vector, Vector], float | None]] = {
    "auc": auc_error,
    "logloss": logloss_error,
    "ne": ne_error,
}


def difference_error(metric: str, label_N: Vector, first_N: Vector, second_N: Vector, weight_N: Vector) -> float | None:
    """Of the metric's difference; None for gauc, and for rows of different weights."""
    if metric not in ERRORS or len(weight_N) == 0 or np.ptp(weight_N) > 0:
        return None
    return ERRORS[metric](label_N, first_N, second_N)


def _placements(score_N: Vector, positive: NDArray[np.bool_]) -> tuple[Vector, Vector]:
    """The share of negatives below each positive, and of positives above each negative; ties count half."""
    above, below = score_N[positive], score_N[~positive]
    rank_N = _midranks(score_N)
    share_P = (rank_N[positive] - _midranks(above)) / len(below)
    share_M = 1.0 - (rank_N[~positive] - _midranks(below)) / len(above)
    return share_P, share_M


def _midranks(values: Vector) -> Vector:
    """Ranks from 1, those of a tie at their mean."""
    _, tie, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Vector = (last - (counts - 1) / 2.0)[tie]
    return ranks
