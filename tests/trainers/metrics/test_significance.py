"""Differences of two models and their intervals: by hand, against the bootstrap, and against a known truth."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from trainers.metrics.clusters import NULL_GROUP
from trainers.metrics.quality import Vector, auc, evaluate
from trainers.metrics.significance import LabelledRows, paired_differences, t_quantile
from trainers.runs.results import MetricDifference

Drawn = tuple[LabelledRows, Vector, Vector]


def found(rows: LabelledRows, first: Vector, second: Vector) -> dict[str, MetricDifference]:
    return {each.metric: each for each in paired_differences(rows, first, second)}


def drawn(random: np.random.Generator, groups: int, size: int, *, grouped: bool = True) -> Drawn:
    """Rows of groups. Two models' logits err together within a group, the second more; positives score 1 higher.

    Every part is normal, so the AUC of each model is known: Φ(1 / (√2 · √(variance of its error))).
    """
    group = np.repeat(np.arange(groups), size)
    label = (random.random(len(group)) < 0.3).astype(np.float64)
    shared = random.normal(size=groups)[group] * 0.8
    own = random.normal(size=groups)[group] * 0.6
    noise = random.normal(size=len(group))
    first = label + shared + noise
    second = label + shared + own + noise + 0.3 * random.normal(size=len(group))
    return LabelledRows.make(label, None, group if grouped else None), first - 1.2, second - 1.2


def true_auc_drop() -> float:
    """Of `drawn`: positives lead by 1, and the difference of two rows of other groups has twice a row's variance."""
    phi = NormalDist().cdf
    first, second = (phi(1 / np.sqrt(2 * variance)) for variance in (0.64 + 1, 0.64 + 1 + 0.36 + 0.09))
    return first - second


def test_an_auc_by_hand() -> None:
    """Three positives, three negatives: the first model places all right, the second misses one pair."""
    label, first = np.array([1.0, 1, 1, 0, 0, 0]), np.array([6.0, 5, 4, 3, 2, 1])
    second = np.array([6.0, 5, 3, 4, 2, 1])
    # Of nine pairs eight are right. Placements fall by (0, 0, ⅓) of positives and (⅓, 0, 0) of negatives.
    variance = 2 * np.var([0, 0, 1 / 3], ddof=1) / 3
    drop = found(LabelledRows.make(label), first, second)["auc"]
    assert drop.drop == pytest.approx(1 / 9)
    assert drop.error == pytest.approx(np.sqrt(variance))
    assert drop.interval == pytest.approx((1 / 9 - 4.303 * variance**0.5, 1 / 9 + 4.303 * variance**0.5), rel=0.02)
    same = found(LabelledRows.make(label), first, first)["auc"]
    assert (same.drop, same.error, same.interval) == (0.0, 0.0, (0.0, 0.0))


def test_a_gauc_by_hand() -> None:
    """Three groups of a positive and a negative each, and one without a positive, which doesn't count."""
    group, label = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([1.0, 0, 1, 0, 1, 0, 0, 0])
    weight = np.array([1.0, 1, 1, 1, 2, 2, 9, 9])
    first, second = np.array([1.0, 0] * 4), np.array([1.0, 0, 0, 1, 1, 0, 0, 1])
    # The second group's AUC falls from 1 to 0; groups weigh 2, 2 and 4 of 8.
    drop = found(LabelledRows.make(label, weight, group), first, second)["gauc"]
    sums = np.array([-0.25 / 4, 0.75 / 4, -0.25 / 2])
    assert drop.drop == pytest.approx(0.25)
    assert drop.error == pytest.approx(np.sqrt(3 / 2 * (sums**2).sum()))


def test_a_logloss_and_an_ne_by_hand() -> None:
    label, first, second = np.array([1.0, 0, 0, 0]), np.zeros(4), np.array([1.0, 1, 0, 0])
    losses = np.array([np.log1p(np.exp(-1.0)), np.log1p(np.exp(1.0)), np.log(2), np.log(2)]) - np.log(2)
    drops = found(LabelledRows.make(label), first, second)
    assert drops["logloss"].drop == pytest.approx(losses.mean())
    assert drops["logloss"].error == pytest.approx(losses.std(ddof=1) / 2)
    entropy = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert drops["ne"].drop == pytest.approx(losses.mean() / entropy)
    influences = (losses - losses.mean() - losses.mean() * np.log(3) / entropy * (label - 0.25)) / entropy / 4
    assert drops["ne"].error == pytest.approx(np.sqrt(4 / 3 * (influences**2).sum()))


def test_values_agree_with_the_metrics_themselves() -> None:
    random = np.random.default_rng(3)
    rows, first, second = drawn(random, 40, 12)
    weight = random.uniform(0.5, 2.0, len(rows.label_N))
    weighted = LabelledRows.make(rows.label_N, weight, rows.cluster_N)
    before, after = (evaluate(rows.label_N, logit, weight, rows.cluster_N) for logit in (first, second))
    for metric, each in found(weighted, first, second).items():
        worse = (before.value(metric) or 0) - (after.value(metric) or 0)
        assert each.drop == pytest.approx(worse if metric in ("auc", "gauc") else -worse, abs=1e-12)


def test_what_is_not_defined_has_no_difference() -> None:
    one_class = LabelledRows.make(np.ones(4))
    assert set(found(one_class, np.zeros(4), np.ones(4))) == {"logloss"}
    few = found(LabelledRows.make(np.array([1.0, 1, 0, 0])), np.arange(4.0), np.zeros(4))
    assert (few["auc"].error, few["auc"].interval) == (None, None)
    assert few["logloss"].interval is not None


def test_a_group_that_is_copied_tells_nothing_new() -> None:
    """Each row ten times, in the group of its original: the interval is that of the originals."""
    rows, first, second = drawn(np.random.default_rng(5), 300, 1)
    copied = LabelledRows.make(np.repeat(rows.label_N, 10), None, np.repeat(rows.cluster_N, 10))
    once, often = found(rows, first, second), found(copied, np.repeat(first, 10), np.repeat(second, 10))
    for metric in ("auc", "logloss", "ne"):
        assert often[metric].error == pytest.approx(once[metric].error, rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_rows_without_a_group_are_independent(share: float) -> None:
    """Rows without a group, and rows each of a group of its own: the interval is that of rows without groups."""
    random = np.random.default_rng(5)
    rows, first, second = drawn(random, 2000, 1, grouped=False)
    group = np.where(random.random(2000) < share, NULL_GROUP, np.arange(2000))
    alone = found(LabelledRows.make(rows.label_N), first, second)
    for metric, each in found(LabelledRows.make(rows.label_N, None, group), first, second).items():
        assert each.error == pytest.approx(alone[metric].error), metric
        assert each.interval == pytest.approx(alone[metric].interval), metric


def test_gauc_leaves_rows_without_a_group_out() -> None:
    """One group of a positive above a negative; the rows without one are the other way round."""
    label, logit = np.array([1.0, 0, 1, 0]), np.array([1.0, 0, 0, 1])
    assert evaluate(label, logit, None, np.array([4, 4, NULL_GROUP, NULL_GROUP])).gauc == 1.0
    assert evaluate(label, logit, None, np.full(4, NULL_GROUP)).gauc is None


def test_a_group_that_has_most_rows_leaves_few_degrees_of_freedom() -> None:
    """Kish's number of groups: half of the rows in one of 501 makes nearly 4, a degree of freedom less; 90% none."""
    random = np.random.default_rng(2)
    rows, first, second = drawn(random, 1000, 1)
    half = found(LabelledRows.make(rows.label_N, None, np.maximum(np.arange(1000) - 500, 0)), first, second)["logloss"]
    freedom = 1000**2 / (501**2 + 499) - 1
    assert half.error is not None
    assert half.interval is not None
    assert half.interval[1] - half.drop == pytest.approx(t_quantile(0.975, freedom) * half.error)
    most = found(LabelledRows.make(rows.label_N, None, np.maximum(np.arange(1000) - 900, 0)), first, second)
    assert {name: each.interval for name, each in most.items()} == dict.fromkeys(("auc", "gauc", "logloss", "ne"))


def test_errors_agree_with_the_bootstrap_over_groups() -> None:
    random = np.random.default_rng(1)
    rows, first, second = drawn(random, 60, 10)
    ones = np.ones(600)
    values = []
    for _ in range(400):
        at = (random.integers(0, 60, 60)[:, None] * 10 + np.arange(10)).ravel()
        pair = [auc(rows.label_N[at], logit[at], ones) or 0 for logit in (first, second)]
        values.append(pair[0] - pair[1])
    assert found(rows, first, second)["auc"].error == pytest.approx(np.std(values), rel=0.12)


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    """400 draws of 50 groups: 95% intervals hold the true drop in 95% of them, within 2¾ standard errors of that share.

    The true AUC drop is known in closed form, the others' from two million rows.
    """
    random, draws = np.random.default_rng(7), 400
    truth = {name: each.drop for name, each in found(*drawn(random, 100_000, 20)).items()}
    assert truth["auc"] == pytest.approx(true_auc_drop(), abs=0.001)
    truth["auc"] = true_auc_drop()
    covered, rowwise = dict.fromkeys(truth, 0), 0
    for _ in range(draws):
        rows, first, second = drawn(random, 50, 20)
        for metric, each in found(rows, first, second).items():
            assert each.interval is not None
            covered[metric] += each.interval[0] <= truth[metric] <= each.interval[1]
        alone = found(LabelledRows.make(rows.label_N), first, second)["auc"]
        assert alone.interval is not None
        rowwise += alone.interval[0] <= truth["auc"] <= alone.interval[1]
    for metric, times in covered.items():
        assert 0.92 <= times / draws <= 0.98, (metric, times / draws)
    assert rowwise / draws < 0.92, "rows of one group aren't independent: without groups the interval is too narrow"


@pytest.mark.parametrize(("freedom", "value"), [(2, 4.303), (5, 2.571), (30, 2.042), (10**6, 1.960)])
def test_quantiles_of_student(freedom: int, value: float) -> None:
    """Of printed tables."""
    assert t_quantile(0.975, freedom) == pytest.approx(value, rel=0.008)
