"""Arithmetic of the logistic model that makes the labels.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sigmoid(logit: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses zero in [low, high], to 1e-7, by bisection."""
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def solve_intercept(logits_N: Floats, rate: float) -> float:
    """The intercept at which the mean probability of `logits_N` (without intercept) is `rate`."""
    return root(lambda intercept: float(sigmoid(logits_N + intercept).mean()) - rate, -60.0, 60.0)


def auc(label: NDArray[np.bool_], score: Floats) -> float | None:
    """Area under the ROC curve, ties counted half; None where one class is missing."""
    _, rank, count = np.unique(score, return_inverse=True, return_counts=True)
    # The mean rank of a group of equal scores, from 1.
    mean_rank = np.cumsum(count) - (count - 1) / 2
    positives = int(label.sum())
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return None
    total = float(mean_rank[rank[label]].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(label: NDArray[np.bool_], logits: Floats) -> float:
    """Mean negative log likelihood in nats."""
    return float(np.logaddexp(0, np.where(label, -logits, logits)).mean())


def cost_of(effect_N: Floats, logits_with: Callable[[Floats], Floats]) -> float:
    """Rise of the expected logloss, in nats, of the best model that doesn't see a feature.

    As features are independent, that model predicts p̂(rest) = E_e[sigmoid(logit(rest, e))]; the cost is E[KL(p ‖ p̂)].

    Args:
        effect_N: the feature's effects.
        logits_with: effects (N) of the feature → logits (N), everything else being as it is.
    """
    values_K, weight_K = _distribution(effect_N)
    blind_N = np.zeros(len(effect_N))
    for value, weight in zip(values_K, weight_K, strict=True):
        blind_N += weight * sigmoid(logits_with(np.full(len(effect_N), value)))
    return float(np.mean(_kl(sigmoid(logits_with(effect_N)), blind_N)))


def _distribution(effect_N: Floats, points: int = 32) -> tuple[Floats, Floats]:
    """Values and chances of a discrete distribution of at most `points` values; of others, the means of equal parts."""
    value_K, count_K = np.unique(effect_N, return_counts=True)
    if len(value_K) <= points:
        return value_K, count_K / len(effect_N)
    parts = np.array_split(np.sort(effect_N), points)
    return np.array([part.mean() for part in parts]), np.array([len(part) for part in parts]) / len(effect_N)


def _kl(p_N: Floats, q_N: Floats) -> Floats:
    """KL divergence of Bernoulli(q) from Bernoulli(p), in nats; clipped where sigmoid rounds to 0 or 1."""
    p_N, q_N = np.clip(p_N, 1e-12, 1 - 1e-12), np.clip(q_N, 1e-12, 1 - 1e-12)
    return np.asarray(p_N * np.log(p_N / q_N) + (1 - p_N) * np.log((1 - p_N) / (1 - q_N)))
