"""Slope and intercept of logits: against scikit-learn, known truths, and logits that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trainers.selectors.gates.calibration import AS_IT_IS, calibrate


def drawn(rows: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True logits, labels drawn by them, weights."""
    random = np.random.default_rng(seed)
    logit_N = random.normal(-1.0, 1.5, size=rows)
    label_N = (random.random(rows) < 1 / (1 + np.exp(-logit_N))).astype(float)
    return logit_N, label_N, random.random(rows) + 0.1


def test_against_scikit_learn() -> None:
    logit_N, label_N, weight_N = drawn()
    found = calibrate(logit_N, label_N, weight_N)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        logit_N[:, None], label_N, sample_weight=weight_N
    )
    assert found.slope == pytest.approx(fitted.coef_[0, 0], rel=1e-3)
    assert found.intercept == pytest.approx(fitted.intercept_[0], rel=1e-3)


def test_a_model_that_is_right_is_left_as_it_is_and_one_too_sure_is_tamed() -> None:
    logit_N, label_N, weight_N = drawn()
    assert calibrate(logit_N, label_N, weight_N) == pytest.approx(AS_IT_IS, abs=0.05)
    right = calibrate(logit_N, label_N, weight_N)
    sure = calibrate(5.0 * logit_N + 2.0, label_N, weight_N)
    assert sure.slope == pytest.approx(right.slope / 5.0, rel=1e-3)
    assert sure.intercept == pytest.approx(right.intercept - 2.0 * sure.slope, abs=1e-3)


def test_rows_of_no_weight_do_not_count() -> None:
    logit_N, label_N, weight_N = drawn()
    weight_N[::2] = 0.0
    assert calibrate(logit_N, label_N, weight_N) == pytest.approx(
        calibrate(logit_N[1::2], label_N[1::2], weight_N[1::2]), rel=1e-6
    )


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_logits_that_tell_nothing_or_the_reverse_are_left_as_they_are(scale: float) -> None:
    logit_N, label_N, weight_N = drawn()
    assert calibrate(scale * logit_N, label_N, weight_N) == AS_IT_IS


def test_labels_of_one_kind_have_no_calibration() -> None:
    logit_N, label_N, weight_N = drawn()
    assert calibrate(logit_N, np.zeros_like(label_N), weight_N) == AS_IT_IS


@pytest.mark.parametrize("outlier", [1e3, 1e6])
def test_an_outlier_leaves_a_finite_calibration(outlier: float) -> None:
    logit_N, label_N, weight_N = drawn()
    logit_N[0], label_N[0] = outlier, 0.0
    found = calibrate(logit_N, label_N, weight_N)
    assert np.isfinite(found).all()
    assert found.slope > 0
