"""The guard: three verdicts by interval and limit, the rows it takes, other metrics' falls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.qualities import model_quality
from trainers.metrics.expected_error import auc_error
from trainers.pruning.guard import evaluate_guard, rows_needed
from trainers.runs.prune_list import GuardVerdict
from trainers.runs.results import MetricDifference, ModelQuality, Quality, QualityDifferences
from trainers.spec import GuardSpec


def quality(auc: float | None, logloss: float = 0.5, gauc: float | None = None, ne: float = 0.9) -> Quality:
    return Quality(auc=auc, gauc=gauc, logloss=logloss, ne=ne, rows=10_000, base_rate=0.5)


def evaluated(full: Quality, finetuned: Quality, error: float = 0.0001, **spec: Any) -> GuardVerdict:
    """Intervals are two errors to each side."""
    return evaluate_guard(GuardSpec.model_validate(spec), model_quality(full, full, finetuned, error=error))


@pytest.mark.parametrize(
    ("after", "error", "verdict"),
    [
        (0.7995, 0.0001, "passed"),  # 0.0003 to 0.0007 worse, 0.001 allowed
        (0.7995, 0.0004, "inconclusive"),  # 0.0003 better to 0.0013 worse
        (0.8090, 0.0040, "passed"),  # 0.017 to 0.001 better
        (0.7970, 0.0004, "failed"),  # 0.0022 to 0.0038 worse
        (0.7970, 0.0020, "inconclusive"),  # 0.001 better to 0.007 worse
        (0.8000, 0.0000, "passed"),
    ],
)
def test_the_interval_decides(after: float, error: float, verdict: str) -> None:
    found = evaluated(quality(0.8), quality(after), error)
    assert found.verdict == verdict
    assert found.drop == pytest.approx(0.8 - after)
    assert found.interval == pytest.approx((0.8 - after - 2 * error, 0.8 - after + 2 * error))


def test_it_knows_which_way_is_worse() -> None:
    spec: dict[str, Any] = {"metric": "logloss", "max_drop": 0.01}
    assert evaluated(quality(0.8, 0.50), quality(0.8, 0.505), **spec).verdict == "passed"
    assert evaluated(quality(0.8, 0.50), quality(0.8, 0.52), **spec).verdict == "failed"
    assert evaluated(quality(0.8, 0.50), quality(0.8, 0.45), **spec).verdict == "passed"


def test_the_rows_that_would_decide() -> None:
    """With error 0.001 at a distance of 0.0005 from the limit: (2.802 · 0.001 / 0.0005)² = 31.4 times the rows."""
    drop = MetricDifference(metric="auc", drop=0.0005, error=0.001, interval=(-0.0015, 0.0025))
    assert rows_needed(drop, 0.001, 10_000) == pytest.approx(313_955, rel=1e-4)
    assert rows_needed(drop, 0.0005, 10_000) is None, "at its limit no number of rows tells"
    found = evaluated(quality(0.8), quality(0.7995), 0.001)
    assert found.rows_needed == pytest.approx(313_955, rel=1e-4)
    assert found.reason.endswith(
        "; 10,000 test rows can't tell, about 320,000 would decide it, if the drop stays as it is"
    )
    assert evaluated(quality(0.8), quality(0.7995)).rows_needed is None


def test_without_an_interval_nothing_is_decided() -> None:
    plain = ModelQuality(full=quality(0.8), pruned=quality(0.8), finetuned=quality(0.8))
    assert evaluate_guard(GuardSpec(), plain).verdict == "inconclusive"
    drop = MetricDifference(metric="auc", drop=0.0)
    few = plain.model_copy(update={"differences": QualityDifferences(pruned=(drop,), finetuned=(drop,))})
    found = evaluate_guard(GuardSpec(), few)
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("or a few groups (dataset.group) have most of them")
    undefined = evaluated(quality(0.8), quality(0.8), metric="gauc")
    assert (undefined.verdict, undefined.drop) == ("inconclusive", None)
    assert "another guard metric" in undefined.reason


def test_a_fall_of_another_metric_is_a_banner() -> None:
    """AUC rises by 0.009 while GAUC falls by 0.015: the verdict is of AUC, the banner of GAUC."""
    full, after = quality(0.8, gauc=0.7), quality(0.809, gauc=0.685)
    found = evaluated(full, after, 0.002)
    assert found.verdict == "passed"
    assert found.banner == "gauc is 0.01500 worse (95% interval 0.01100 worse to 0.01900 worse), limit 0.001"
    assert found.limits == {"gauc": 0.001, "logloss": 0.001, "ne": 0.001}
    assert evaluated(full, after, 0.008).banner is None, "0 lies within the interval: it may be chance"
    assert evaluated(full, after, 0.002, limits={"gauc": 0.02}).banner is None
    assert evaluated(full, after, 0.002, max_drop=0.02).banner is None
    assert evaluated(full, after, 0.002, max_drop=0.02, limits={"gauc": 0.001}).banner is not None


def test_a_list_that_prunes_nothing_passes() -> None:
    """What differs is the chance of training one model twice."""
    metrics = model_quality(quality(0.8), quality(0.8), quality(0.797, gauc=None))
    found = evaluate_guard(GuardSpec(), metrics, prunes=False)
    assert (found.verdict, found.banner, found.rows_needed) == ("passed", None, None)
    assert found.reason.startswith("nothing is pruned")
    assert evaluate_guard(GuardSpec(), metrics).verdict == "failed"


@pytest.mark.parametrize(
    ("full", "after", "words"),
    [
        ({"ne": 1.2}, {}, "the full model predicts no better than the base rate (NE 1.2, where the base rate has 1)"),
        ({"ne": 1.0}, {"ne": 1.0}, "the full model predicts no better than the base rate (NE 1,"),
        ({"auc": 0.5, "ne": 1e39}, {"auc": 0.5, "ne": 1e39}, "(NE 1e+39, "),
        ({"ne": float("nan")}, {}, "(NE nan, "),
        ({}, {"ne": 1.5}, "the fine-tuned model predicts no better than the base rate (NE 1.5,"),
        # 5,000 rows of either class: √((2n + 1) / (12 n²)) = 0.0058.
        ({"auc": 0.5}, {"auc": 0.5}, "the full model predicts no better than chance (AUC 0.50000 with a standard err"),
        ({"auc": 0.511}, {"auc": 0.511}, "(AUC 0.51100 with a standard error of 0.0058, where chance has 0.5)"),
        ({"auc": 0.3}, {"auc": 0.3}, "than chance (AUC 0.30000"),
        ({"auc": 0.512}, {"auc": 0.512}, None),
        ({"auc": None}, {"auc": None}, "the full model predicts no better than chance as far as can be told"),
    ],
)
def test_a_model_that_predicts_nothing_lets_no_list_pass(
    full: dict[str, Any], after: dict[str, Any], words: str | None
) -> None:
    """The difference alone would pass: it is 0, or better."""
    base = {"auc": 0.8}
    found = evaluated(quality(**{**base, **full}), quality(**{**base, **after}), metric="logloss")
    if words is None:
        assert found.verdict == "passed"
    else:
        assert (found.verdict, found.rows_needed) == ("inconclusive", None)
        assert words in found.reason
        assert "run again" in found.reason


def test_what_fails_fails_beside_a_broken_model_too() -> None:
    assert evaluated(quality(0.8, ne=1.2), quality(0.7)).verdict == "failed"
    metrics = model_quality(quality(0.8, ne=1.2), quality(0.8), quality(0.8))
    assert evaluate_guard(GuardSpec(), metrics, prunes=False).verdict == "passed"


def test_the_error_of_an_auc_by_hand() -> None:
    """Hanley and McNeil 1982: AUC 0.8, 50 of either class: Q1 = 2/3, Q2 = 0.7111…; 0.16 + 49 · (Q1 + Q2 − 1.28)."""
    assert auc_error(0.8, 50, 50) == pytest.approx(((0.16 + 49 * (2 / 3 + 1.28 / 1.8 - 1.28)) / 2500) ** 0.5)
    assert auc_error(0.8, 0, 50) == float("inf")
