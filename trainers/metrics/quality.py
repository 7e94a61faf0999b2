"""Exact quality of predictions over a whole split. Numpy only, float64.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.metrics.clusters import number_clusters
from trainers.runs.results import Quality

Vector = NDArray[np.floating]
HIGHER_IS_BETTER = ("auc", "gauc")


def evaluate(
    label_N: Vector, logit_N: Vector, weight_N: Vector | None = None, group_N: NDArray[np.int64] | None = None
) -> Quality:
    """All metrics of logits against 0/1 labels; each row counts with its weight."""
    label = np.asarray(label_N, dtype=np.float64)
    logit = np.asarray(logit_N, dtype=np.float64)
    weight = np.ones_like(label) if weight_N is None else np.asarray(weight_N, dtype=np.float64)
    base_rate = float((label * weight).sum() / weight.sum())
    loss = logloss(label, logit, weight)
    entropy = _entropy(base_rate)
    return Quality(
        auc=auc(label, logit, weight),
        gauc=None if group_N is None else gauc(label, logit, weight, group_N),
        logloss=loss,
        ne=loss / entropy if entropy > 0 else None,
        rows=len(label),
        base_rate=base_rate,
    )


def logloss(label_N: Vector, logit_N: Vector, weight_N: Vector) -> float:
    """Weighted mean of log(1 + e^z) − y z: stable for any logit, no clipping needed."""
    loss_N = np.logaddexp(0.0, logit_N) - label_N * logit_N
    return float((loss_N * weight_N).sum() / weight_N.sum())


def auc(label_N: Vector, score_N: Vector, weight_N: Vector) -> float | None:
    """Area under the ROC curve, ties counted half, by the weighted rank sum of the positives."""
    value, _ = aucs_of_groups(label_N, score_N, weight_N, np.zeros(len(label_N), dtype=np.int64))
    return None if np.isnan(value[0]) else float(value[0])


def gauc(label_N: Vector, score_N: Vector, weight_N: Vector, group_N: NDArray[np.int64]) -> float | None:
    """AUC of every group that has both classes, averaged by the groups' weight (Zhu et al. 2017, Eq. 7).

    Rows without a group are compared with none, and don't count.
    """
    value_G, weight_G = aucs_of_groups(label_N, score_N, weight_N, number_clusters(group_N))
    both_G = ~np.isnan(value_G)
    if not both_G.any():
        return None
    return float((value_G[both_G] * weight_G[both_G]).sum() / weight_G[both_G].sum())


def aucs_of_groups(
    label_N: Vector, score_N: Vector, weight_N: Vector, group_N: NDArray[np.int64]
) -> tuple[Vector, Vector]:
    """(AUC, weight) by group, G of each; NaN where a group has one class. One sort, no loop over groups.

    A positive outranks the negatives of its group below it, and half of those it ties with.
    """
    groups = int(group_N.max()) + 1
    order = np.lexsort((score_N, group_N))
    label, score, group = label_N[order], score_N[order], group_N[order]
    negative, positive = weight_N[order] * (1 - label), weight_N[order] * label
    new_tie = np.r_[True, (score[1:] != score[:-1]) | (group[1:] != group[:-1])]
    tie = np.cumsum(new_tie) - 1
    negative_T, positive_T = np.bincount(tie, negative), np.bincount(tie, positive)
    group_T = group[new_tie]
    negative_G = np.bincount(group_T, negative_T, groups)
    positive_G = np.bincount(group_T, positive_T, groups)
    before_G = np.cumsum(negative_G) - negative_G
    below_T = np.cumsum(negative_T) - negative_T - before_G[group_T]
    won_G = np.bincount(group_T, positive_T * (below_T + negative_T / 2), groups)
    pairs_G = negative_G * positive_G
    value_G = np.divide(won_G, pairs_G, out=np.full(groups, np.nan), where=pairs_G > 0)
    weight_G: Vector = (negative_G + positive_G).astype(np.float64)
    return value_G, weight_G


def _entropy(rate: float) -> float:
    if rate in (0.0, 1.0):
        return 0.0
    return float(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate))
