"""Metrics against scikit-learn, by-group loops and hand-computed values."""

import numpy as np
import pytest

from trainers.metrics.quality import evaluate


def draw(seed: int, rows: int = 500) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    label = (generator.random(rows) < 0.3).astype(float)
    logit = np.round(generator.normal(size=rows) + label, 1)  # rounded, so that many tie
    return label, logit, generator.random(rows) + 0.1, generator.integers(0, 40, rows)


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    label, logit, weight, group = draw(seed)
    found = evaluate(label, logit, weight, group)
    probability = 1 / (1 + np.exp(-logit))
    assert found.auc == pytest.approx(roc_auc_score(label, logit, sample_weight=weight), abs=1e-12)
    assert found.logloss == pytest.approx(log_loss(label, probability, sample_weight=weight), abs=1e-12)
    total, weights = 0.0, 0.0
    for g in np.unique(group):
        own = group == g
        if len(set(label[own])) == 2:
            total += roc_auc_score(label[own], logit[own], sample_weight=weight[own]) * weight[own].sum()
            weights += weight[own].sum()
    assert found.gauc == pytest.approx(total / weights, abs=1e-12)


def test_by_hand() -> None:
    found = evaluate(np.array([1.0, 0.0, 1.0, 0.0]), np.array([2.0, 1.0, 0.0, 0.0]))
    assert found.auc == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert found.base_rate == 0.5
    assert found.gauc is None
    flat = evaluate(np.array([1.0, 0.0]), np.zeros(2))
    assert flat.logloss == pytest.approx(np.log(2))
    assert flat.ne == pytest.approx(1.0)


def test_one_class_has_no_auc_and_no_normalized_entropy() -> None:
    found = evaluate(np.ones(3), np.array([0.0, 1.0, 2.0]), None, np.array([0, 0, 1]))
    assert (found.auc, found.gauc, found.ne) == (None, None, None)


def test_extreme_logits_stay_finite() -> None:
    found = evaluate(np.array([1.0, 0.0]), np.array([-1000.0, 1000.0]))
    assert found.logloss == pytest.approx(1000.0)
