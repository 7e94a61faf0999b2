"""Differences of models trained with the same seeds, against values computed by hand."""

from __future__ import annotations

import pytest

from trainers.metrics.significance import compare_seeds
from trainers.runs.results import Quality


def quality(auc: float | None, logloss: float = 0.5) -> Quality:
    return Quality(auc=auc, gauc=None, logloss=logloss, ne=None, rows=10, base_rate=0.5)


def test_the_interval_is_students_over_the_seeds() -> None:
    kept = [quality(0.71), quality(0.73), quality(0.75)]
    full = [quality(0.70), quality(0.71), quality(0.72)]
    found = compare_seeds(kept, full)
    # Differences 0.01, 0.02, 0.03: mean 0.02, standard deviation 0.01, t of 2 degrees of freedom 4.3026527.
    assert found["auc"].mean == pytest.approx(0.02)
    assert found["auc"].interval == pytest.approx((0.02 - 4.3026527 * 0.01 / 3**0.5, 0.02 + 4.3026527 * 0.01 / 3**0.5))
    assert found["logloss"].mean == 0
    assert set(found) == {"auc", "logloss"}, "metrics that a model doesn't have are left out"


def test_a_single_seed_has_no_interval_and_no_full_model_no_difference() -> None:
    assert compare_seeds([quality(0.71)], [quality(0.70)])["auc"].interval is None
    assert compare_seeds([quality(0.71)], []) == {}
