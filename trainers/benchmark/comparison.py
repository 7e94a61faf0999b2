"""Statistics of a benchmark: means over seeds, and whether differences are more than chance. Float64, no torch.

Shapes: N blocks, K methods.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import friedmanchisquare, rankdata, studentized_range, wilcoxon

from trainers.selectors.aggregation import mean_jaccard

LEVEL = 0.05


def paired_t(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p of Student's t for paired values; None of fewer than two pairs. Pairs that don't differ have p 1.

    Example:
        >>> round(paired_t([1.0, 2.0, 4.0], [0.0, 0.0, 1.0]), 4)  # t = 2 / (1 / √3), 2 degrees of freedom
        0.0742
    """
    moved = [a - b for a, b in zip(first, second, strict=True)]
    if len(moved) < 2:
        return None
    mean, deviation = statistics.mean(moved), statistics.stdev(moved)
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(len(moved) - 1, -abs(mean) / deviation * math.sqrt(len(moved))))


def signed_rank(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; ranks of pairs that don't differ are split evenly (Demšar 2006)."""
    moved = np.subtract(first, second)
    return 1.0 if not moved.any() else float(wilcoxon(moved, zero_method="zsplit").pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted for their number, so that one of them is wrong at most at the level wanted (Holm 1979).

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    found: dict[str, float] = {}
    largest = 0.0
    for at, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        largest = max(largest, min(1.0, (len(p_values) - at) * p))
        found[name] = largest
    return found


def jaccard(sets: Sequence[Collection[str]]) -> float | None:
    """Mean over pairs of what two sets share of what they have together; None of a single set.

    Example:
        >>> jaccard([{"a", "b"}, {"a", "b"}, {"a", "c"}])  # 1, 1/3, 1/3
        0.5555555555555555
    """
    return mean_jaccard([set(each) for each in sets]) if len(sets) > 1 else None


def normalized_auc(columns: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """S_AUC (LeAP Eq. 1): the mean over data sets of a method's AUC in shares of the best one's.

    Args:
        columns: of each data set the AUC by method.

    Returns:
        Of the methods that every data set has.
    """
    shares = [{name: auc / max(column.values()) for name, auc in column.items()} for column in columns]
    everywhere = [name for name in shares[0] if all(name in each for each in shares)] if shares else []
    return {name: statistics.mean(each[name] for each in shares) for name in everywhere}


def mean_ranks(value_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean rank of each method over the blocks, 1 for the highest value; methods of one value share their ranks."""
    ranked: NDArray[np.float64] = rankdata(-value_NK, axis=1).mean(axis=0)
    return ranked


def friedman(value_NK: NDArray[np.float64]) -> float | None:
    """p that all methods are alike (Friedman 1937); None of fewer than three methods or two blocks."""
    blocks, methods = value_NK.shape
    if blocks < 2 or methods < 3:
        return None
    if (value_NK == value_NK[:, :1]).all():
        return 1.0
    return float(friedmanchisquare(*value_NK.T).pvalue)


def critical_difference(methods: int, blocks: int) -> float:
    """By how much mean ranks of two methods differ at least where they aren't alike (Nemenyi; Demšar 2006, §3.2.2):
    q_α √(K (K + 1) / 6N).

    Example:
        >>> round(critical_difference(4, 14), 2)  # Demšar's own
        1.25
    """
    quantile = float(studentized_range.ppf(1 - LEVEL, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * blocks))


def cliques(ranks: Mapping[str, float], difference: float) -> list[tuple[str, ...]]:
    """Largest groups of neighbours in rank that don't differ by `difference`, of two methods or more; best first.

    Example:
        >>> cliques({"a": 1.0, "b": 1.8, "c": 2.4, "d": 4.8}, 1.0)
        [('a', 'b'), ('b', 'c')]
    """
    ordered = sorted(ranks, key=lambda name: ranks[name])
    found: list[tuple[str, ...]] = []
    last = 0
    for at, first in enumerate(ordered):
        stop = max(place for place in range(at, len(ordered)) if ranks[ordered[place]] - ranks[first] <= difference) + 1
        if stop > last and stop - at > 1:
            found.append(tuple(ordered[at:stop]))
        last = max(last, stop)
    return found
