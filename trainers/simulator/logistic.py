"""Arithmetic of the logistic model that makes the labels.

Shapes: N rows, T terms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sigmoid(logit: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))


def solve_intercept(logits: Floats, rate: float) -> float:
    """The intercept at which the mean probability of `logits` (N, without intercept) is `rate`, by bisection."""
    low, high = -60.0, 60.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(logits + middle).mean() < rate else (low, middle)
    return (low + high) / 2


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


def cost_of(contribution_N: Floats, logits_N: Floats, rng: np.random.Generator, draws: int = 32) -> float:
    """Rise of the expected logloss, in nats, of the best model that doesn't see a term.

    As terms are independent, that model predicts p̂(rest) = E_t[sigmoid(rest + t)]; the cost is E[KL(p ‖ p̂)].
    The expectation over t is a mean over `draws` random cyclic shifts of the term's contributions.
    """
    rest_N = logits_N - contribution_N
    shifts = rng.integers(1, len(logits_N), draws)
    blind_N = np.mean([sigmoid(rest_N + np.roll(contribution_N, shift)) for shift in shifts], axis=0)
    seen_N = sigmoid(logits_N)
    return float(np.mean(_kl(seen_N, blind_N)))


def _kl(p_N: Floats, q_N: Floats) -> Floats:
    """KL divergence of Bernoulli(q) from Bernoulli(p), in nats; clipped where sigmoid rounds to 0 or 1."""
    p_N, q_N = np.clip(p_N, 1e-12, 1 - 1e-12), np.clip(q_N, 1e-12, 1 - 1e-12)
    return np.asarray(p_N * np.log(p_N / q_N) + (1 - p_N) * np.log((1 - p_N) / (1 - q_N)))
