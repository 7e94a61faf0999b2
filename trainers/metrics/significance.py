"""How much worse one model predicts than another on the same rows, with a confidence interval. Float64, no torch.

The interval is of the rows: it says how the difference varies where other rows of the same kind are drawn, the two
models staying as they are. Rows of one group (a user, a request) aren't independent, so groups are drawn, not rows.

Each metric is linearized: a row's influence is how far the difference moves where that row's weight rises. The
variance is that of the sums of influences by cluster:

- auc: DeLong et al. 1988; with clusters Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Eq. 5.
- gauc, logloss: ratio of two sums over clusters (Cochran 1977, Sampling Techniques, Eq. 6.13).
- ne: the same, with the derivative by the base rate.

A cluster that has most of the weight leaves few others to tell by how clusters vary. The degrees of freedom are those
of the clusters of one size that say as much (Carter, Schnepel and Steigerwald 2017, "Asymptotic behavior of a t-test
robust to cluster heterogeneity").

Shapes: N rows, G clusters, T distinct scores.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from trainers.metrics.clusters import effective_rows, number_clusters
from trainers.metrics.quality import HIGHER_IS_BETTER, Vector, aucs_of_groups
from trainers.runs.results import METRICS, MetricDifference, Quality
from trainers.runs.retrained import SeedDifference

CONFIDENCE = 0.95
MOST_UNKNOWN = 1  # degrees of freedom up to which nothing is known of how clusters vary: two clusters


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one split. `cluster_N` numbers the clusters from 0; `grouped` is whether they are the spec's groups,
    with each row that has none a cluster of its own."""

    label_N: Vector
    weight_N: Vector
    cluster_N: NDArray[np.int64]
    grouped: bool

    @classmethod
    def make(
        cls, label_N: Vector, weight_N: Vector | None = None, group_N: NDArray[np.int64] | None = None
    ) -> LabelledRows:
        label = np.asarray(label_N, dtype=np.float64)
        weight = np.ones_like(label) if weight_N is None else np.asarray(weight_N, dtype=np.float64)
        if group_N is None:
            return cls(label, weight, np.arange(len(label)), grouped=False)
        return cls(label, weight, number_clusters(group_N), grouped=True)


@dataclass(frozen=True)
class Difference:
    """Second model minus first: the value, its variance, and the degrees of freedom that the variance has."""

    value: float
    variance: float
    freedom: float


def paired_differences(rows: LabelledRows, first_N: Vector, second_N: Vector) -> tuple[MetricDifference, ...]:
    """How much worse the second model's logits are than the first's, for each metric that is defined.

    Returns:
        In the order of METRICS. Error and interval are None where there are too few effective clusters to tell.
    """
    first, second = np.asarray(first_N, dtype=np.float64), np.asarray(second_N, dtype=np.float64)
    found = {metric: DIFFERENCES[metric](rows, first, second) for metric in METRICS}
    return tuple(_as_drop(metric, each) for metric, each in found.items() if each is not None)


def _as_drop(metric: str, found: Difference) -> MetricDifference:
    drop = -found.value if metric in HIGHER_IS_BETTER else found.value
    drop += 0.0  # no −0
    if found.freedom <= MOST_UNKNOWN:
        return MetricDifference(metric=metric, drop=drop)
    error = float(np.sqrt(max(found.variance, 0.0)))
    half = t_quantile(0.5 + CONFIDENCE / 2, found.freedom) * error
    return MetricDifference(metric=metric, drop=drop, error=error, interval=(drop - half, drop + half))


def auc_difference(rows: LabelledRows, first_N: Vector, second_N: Vector) -> Difference | None:
    """None where one class is missing."""
    label, weight = rows.label_N, rows.weight_N
    positive_N, negative_N = weight * label, weight * (1 - label)
    if positive_N.sum() <= 0 or negative_N.sum() <= 0:
        return None
    moved_N = _placements(second_N, positive_N, negative_N) - _placements(first_N, positive_N, negative_N)
    share_N = positive_N / positive_N.sum()
    value = float((share_N * moved_N).sum())
    of_positives = _by_cluster(rows, share_N * (moved_N - value))
    of_negatives = _by_cluster(rows, negative_N / negative_N.sum() * (moved_N - value))
    counts = [len(np.unique(rows.cluster_N[part > 0])) for part in (positive_N, negative_N)]
    clusters = len(of_positives)
    variance = (
        _inflation(counts[0]) * (of_positives**2).sum()
        + _inflation(counts[1]) * (of_negatives**2).sum()
        + 2 * _inflation(clusters) * (of_positives * of_negatives).sum()
    )
    freedom = min(_effective_clusters(rows, part) for part in (positive_N, negative_N)) - 1
    return Difference(value, float(variance), freedom)


def gauc_difference(rows: LabelledRows, first_N: Vector, second_N: Vector) -> Difference | None:
    """None without groups, or where no group has both classes."""
    if not rows.grouped:
        return None
    before_G, weight_G = aucs_of_groups(rows.label_N, first_N, rows.weight_N, rows.cluster_N)
    after_G, _ = aucs_of_groups(rows.label_N, second_N, rows.weight_N, rows.cluster_N)
    both_G = ~np.isnan(before_G)
    if not both_G.any():
        return None
    share_G = weight_G[both_G] / weight_G[both_G].sum()
    moved_G = after_G[both_G] - before_G[both_G]
    value = float((share_G * moved_G).sum())
    return _of_sums(value, share_G * (moved_G - value), effective_rows(share_G))


def logloss_difference(rows: LabelledRows, first_N: Vector, second_N: Vector) -> Difference:
    value, influence_N = _logloss(rows, first_N, second_N)
    return _of_sums(value, _by_cluster(rows, influence_N), _effective_clusters(rows, rows.weight_N))


def ne_difference(rows: LabelledRows, first_N: Vector, second_N: Vector) -> Difference | None:
    """None where one class is missing."""
    value, influence_N = _logloss(rows, first_N, second_N)
    share_N = rows.weight_N / rows.weight_N.sum()
    rate = float((share_N * rows.label_N).sum())
    if not 0 < rate < 1:
        return None
    entropy = float(-rate * np.log(rate) - (1 - rate) * np.log1p(-rate))
    by_rate = np.log((1 - rate) / rate) / entropy
    influence_N = (influence_N - value * by_rate * share_N * (rows.label_N - rate)) / entropy
    return _of_sums(value / entropy, _by_cluster(rows, influence_N), _effective_clusters(rows, rows.weight_N))


DIFFERENCES: dict[str, Callable[[LabelledRows, Vector, Vector], Difference | None]] = {
    "auc": auc_difference,
    "gauc": gauc_difference,
    "logloss": logloss_difference,
    "ne": ne_difference,
}


def _logloss(rows: LabelledRows, first_N: Vector, second_N: Vector) -> tuple[float, Vector]:
    """The difference of mean log losses, nats, and each row's influence on it."""
    moved_N = np.logaddexp(0.0, second_N) - np.logaddexp(0.0, first_N) - rows.label_N * (second_N - first_N)
    share_N = rows.weight_N / rows.weight_N.sum()
    value = float((share_N * moved_N).sum())
    return value, share_N * (moved_N - value)


def _placements(score_N: Vector, positive_N: Vector, negative_N: Vector) -> Vector:
    """By row, the share of the other class's weight that it is on the right side of; ties count half.

    For a positive row the share of negatives below it, for a negative row the share of positives above it.
    """
    _, tie = np.unique(score_N, return_inverse=True)
    positive_T, negative_T = np.bincount(tie, positive_N), np.bincount(tie, negative_N)
    below_N = (np.cumsum(negative_T) - negative_T / 2)[tie] / negative_T.sum()
    above_N = 1 - (np.cumsum(positive_T) - positive_T / 2)[tie] / positive_T.sum()
    placed: Vector = np.where(positive_N > 0, below_N, above_N)
    return placed


def _by_cluster(rows: LabelledRows, influence_N: Vector) -> Vector:
    return np.bincount(rows.cluster_N, influence_N).astype(np.float64) if rows.grouped else influence_N


def _effective_clusters(rows: LabelledRows, weight_N: Vector) -> float:
    """How many clusters of one weight say as much."""
    return effective_rows(_by_cluster(rows, weight_N))


def _of_sums(value: float, influence_G: Vector, effective: float) -> Difference:
    variance = _inflation(len(influence_G)) * (influence_G**2).sum()
    return Difference(value, float(variance), effective - 1)


def _inflation(clusters: int) -> float:
    """Of a variance that was taken around the sample's own mean."""
    return clusters / (clusters - 1) if clusters > 1 else 1.0


def compare_seeds(kept: Sequence[Quality], full: Sequence[Quality]) -> dict[str, SeedDifference]:
    """Differences by metric between models of the same seeds, the chosen features' first."""
    found = {}
    for metric in METRICS:
        pairs = [(a.value(metric), b.value(metric)) for a, b in zip(kept, full, strict=False)]
        known = [a - b for a, b in pairs if a is not None and b is not None]
        if known and len(known) == len(pairs):
            found[metric] = SeedDifference(mean=statistics.mean(known), interval=_interval_of_mean(known))
    return found


def _interval_of_mean(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    middle = statistics.mean(values)
    reach = t_quantile(0.5 + CONFIDENCE / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return middle - reach, middle + reach


def t_quantile(probability: float, freedom: float) -> float:
    """Of Student's t.

    Example:
        >>> [round(t_quantile(0.975, freedom), 2) for freedom in (4, 10, 1000)]
        [2.78, 2.23, 1.96]
    """
    return float(stdtrit(freedom, probability))
