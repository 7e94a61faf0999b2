"""Standard errors of differences, against the bootstrap and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.metrics.quality import Vector, auc, logloss
from trainers.metrics.significance import ERRORS, auc_error, difference_error, logloss_error
from trainers.pruning.guard import evaluate_guard
from trainers.runs.results import Quality
from trainers.spec import GuardSpec


def rows(count: int = 3000) -> tuple[Vector, Vector, Vector]:
    """Labels, and two models' logits that err together in part; rounded, so that there are ties."""
    random = np.random.default_rng(0)
    truth = random.normal(size=count)
    label = (random.random(count) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    shared = random.normal(size=count)
    first = truth + shared + 0.3 * random.normal(size=count)
    second = truth + shared + 0.8 * random.normal(size=count)
    return label, first.round(1), second.round(1)


@pytest.mark.parametrize("metric", ["auc", "logloss"])
def test_errors_agree_with_the_bootstrap(metric: str) -> None:
    label, first, second = rows()
    measure = {"auc": auc, "logloss": logloss}[metric]
    random, ones, found = np.random.default_rng(1), np.ones(len(label)), []
    for _ in range(400):
        at = random.integers(0, len(label), len(label))
        found.append(float(measure(label[at], first[at], ones) or 0) - float(measure(label[at], second[at], ones) or 0))
    assert ERRORS[metric](label, first, second) == pytest.approx(np.std(found), rel=0.1)


def test_auc_error_by_hand() -> None:
    """Two positives, two negatives: the first model places them right, the second misses one pair."""
    label, first, second = np.array([1.0, 1, 0, 0]), np.array([4.0, 3, 2, 1]), np.array([4.0, 2, 3, 1])
    # Shares of negatives below: (1, 1) and (1, ½); of positives above: (1, 1) and (½, 1).
    assert auc_error(label, first, second) == pytest.approx(np.sqrt(0.125 / 2 + 0.125 / 2))
    assert auc_error(label, first, first) == 0.0
    assert auc_error(np.array([1.0, 0, 0]), first[:3], second[:3]) is None


def test_a_logloss_difference_by_hand() -> None:
    label, first, second = np.array([1.0, 0.0]), np.array([0.0, 0.0]), np.array([1.0, 1.0])
    losses = np.array([np.log(2) - np.log1p(np.exp(-1.0)), np.log(2) - np.log1p(np.exp(1.0))])
    assert logloss_error(label, first, second) == pytest.approx(losses.std(ddof=1) / np.sqrt(2))


def test_where_no_error_is_known() -> None:
    label, first, second = rows(50)
    assert difference_error("gauc", label, first, second, np.ones(50)) is None
    assert difference_error("auc", label, first, second, np.arange(50.0)) is None
    assert difference_error("ne", label, first, second, np.ones(50)) is not None


def test_a_guard_finer_than_chance_says_so() -> None:
    full = Quality(auc=0.80, gauc=None, logloss=0.5, ne=1.0, rows=10_000, base_rate=0.5)
    assert (
        "chance alone moves it by 0.00400 on 10,000 test rows" in evaluate_guard(GuardSpec(), full, full, 0.004).reason
    )
    assert "chance" not in evaluate_guard(GuardSpec(), full, full, 0.0004).reason
    better = Quality(auc=0.85, gauc=None, logloss=0.5, ne=1.0, rows=10_000, base_rate=0.5)
    assert "chance" not in evaluate_guard(GuardSpec(), full, better, 0.004).reason
    assert evaluate_guard(GuardSpec(), full, full, 0.004).error == 0.004
