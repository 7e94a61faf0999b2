"""Logloss after calibration: by hand, against scikit-learn's isotonic regression, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from trainers.metrics.calibration import calibrated_logloss


def drawn(rows: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, rounded so that some are equal; labels that they predict; weights."""
    random = np.random.default_rng(seed)
    score_N = random.normal(size=rows).round(2)
    label_N = (random.random(rows) < 1 / (1 + np.exp(-score_N))).astype(float)
    return score_N, label_N, random.random(rows) + 0.1


def test_by_hand() -> None:
    """Rows 2 and 3 violate the order and share 1/2; the two of one score share what is theirs."""
    score_N = np.array([0.0, 1.0, 2.0, 3.0, 3.0])
    found_N = calibrated_logloss(score_N, np.array([0.0, 1.0, 0.0, 1.0, 1.0]), np.ones(5))
    np.testing.assert_allclose(found_N, [0.0, np.log(2), np.log(2), 0.0, 0.0])
    weighted_N = calibrated_logloss(score_N, np.array([0.0, 1.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 3.0, 1.0, 0.0]))
    np.testing.assert_allclose(weighted_N, [0.0, np.log(4), np.log(4 / 3), 0.0, 0.0])


def test_against_scikit_learn() -> None:
    score_N, label_N, weight_N = drawn()
    chance_N = IsotonicRegression().fit_transform(score_N, label_N, sample_weight=weight_N)
    found = np.average(calibrated_logloss(score_N, label_N, weight_N), weights=weight_N)
    assert found == pytest.approx(log_loss(label_N, chance_N, sample_weight=weight_N), rel=1e-9)


def test_scale_and_outliers_do_not_count_and_the_order_does() -> None:
    score_N, label_N, weight_N = drawn()
    found_N = calibrated_logloss(score_N, label_N, weight_N)
    np.testing.assert_allclose(calibrated_logloss(40 * score_N - 7, label_N, weight_N), found_N)
    np.testing.assert_allclose(calibrated_logloss(np.sinh(8 * score_N), label_N, weight_N), found_N)
    worse_N = calibrated_logloss(-score_N, label_N, weight_N)
    assert np.average(worse_N, weights=weight_N) > np.average(found_N, weights=weight_N) + 0.1


def test_a_score_that_says_nothing_has_the_entropy_of_the_labels() -> None:
    _, label_N, weight_N = drawn()
    rate = np.average(label_N, weights=weight_N)
    found_N = calibrated_logloss(np.zeros(len(label_N)), label_N, weight_N)
    assert np.average(found_N, weights=weight_N) == pytest.approx(-rate * np.log(rate) - (1 - rate) * np.log1p(-rate))
