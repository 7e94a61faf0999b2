"""Selectors that read rows alone, against values worked out by hand, by scipy, or on rows whose answer is known."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from trainers.selectors.base import Ranking
from trainers.selectors.registry import SELECTORS
from trainers.selectors.tabular.chi2 import association
from trainers.selectors.tabular.matrix import FOLDS, PRIOR_ROWS, build_matrix, out_of_fold_means
from trainers.selectors.tabular.mrmr import choose
from trainers.selectors.tabular.outrank import information
from trainers.selectors.tabular.parts import QUANTILES, codes_of
from trainers.selectors.tabular.sample import Ids, Lists, Numbers, Sample

ROWS = 1200


def sample_of(label_N: Any, weight_N: Any = None, **columns: Any) -> Sample:
    weights_N = np.ones(len(label_N)) if weight_N is None else weight_N
    return Sample(
        columns=columns,
        label_N=np.asarray(label_N, np.float32),
        weight_N=np.asarray(weights_N, np.float32),
        seed=0,
        drawn={},
    )


def numbers(*columns: Any) -> Numbers:
    return Numbers(np.stack([np.asarray(each, np.float32) for each in columns], 1))


def rank(name: str, sample: Sample, **options: Any) -> Ranking:
    ranking: Ranking = SELECTORS[name].model_validate({"name": name, **options}).rank(sample)  # type: ignore[attr-defined]
    assert set(ranking.names) == set(sample.columns)
    return ranking


def test_means_out_of_fold_by_hand() -> None:
    """Ten rows, two a fold. Id 7 is in rows 0, 1, 2 (labels 1, 0, 1; folds 0, 0, 1) and others in one row each."""
    label_N = np.array([1, 0, 1, 0, 0, 0, 1, 0, 1, 0])
    fold_N = np.arange(10) // 2
    ids_N = np.array([7, 7, 7, *range(10, 17)])
    found_N = out_of_fold_means(ids_N, np.arange(10), label_N, fold_N)
    # Other folds than 0 have 8 rows, 3 of label 1, and one row of id 7, of label 1.
    assert found_N[0] == found_N[1] == pytest.approx((1 - 3 / 8) / (1 + PRIOR_ROWS))
    assert found_N[2] == pytest.approx((1 - 2 * 3 / 8) / (2 + PRIOR_ROWS))
    assert (found_N[3:] == 0).all(), "an id that other folds don't have says nothing"
    assert (out_of_fold_means(np.zeros(10, np.int64), np.arange(10), label_N, fold_N) == 0).all()


def test_means_out_of_fold_leak_no_label() -> None:
    """Every id has two rows, whose labels are tosses: the means say nothing of them."""
    label_N = np.random.default_rng(0).integers(0, 2, 4000)
    matrix = build_matrix(sample_of(label_N, pair=Ids(np.arange(4000) // 2)))
    assert abs(np.corrcoef(matrix.x_NK[:, 0], label_N)[0, 1]) < 0.04


def test_the_matrix_has_all_columns() -> None:
    label_N = np.tile([0, 1, 1, 0], 25)
    lists = Lists(np.tile([5, 8, 8], 25), np.tile([0, 1, 2, 0], 25))
    matrix = build_matrix(sample_of(label_N, pair=numbers(label_N, 2 * label_N), id=Ids(label_N + 3), list=lists))
    assert matrix.columns == {"pair": slice(0, 2), "id": slice(2, 3), "list": slice(3, 5)}
    assert matrix.x_NK[:4, 3].tolist() == [0, 1, 2, 0]
    assert (matrix.x_NK[label_N == 1, 2] > 0).all()
    assert (matrix.x_NK[label_N == 0, 2] < 0).all()
    assert (matrix.x_NK[lists.lengths_N > 0, 4] > 0).all()
    assert (matrix.x_NK[lists.lengths_N == 0, 4] == 0).all()
    assert matrix.weight_N is None
    assert matrix.total(np.arange(5.0)) == {"pair": 1, "id": 2, "list": 7}
    assert matrix.best(np.arange(5.0)) == {"pair": 1, "id": 2, "list": 4}
    flat = build_matrix(sample_of(label_N, flat=numbers(np.full(100, 0.1)))).standardized()
    assert (flat == 0).all()
    assert FOLDS == 5


def test_codes_are_values_or_quantiles() -> None:
    assert codes_of(np.array([3.5, 1.0, 3.5])).tolist() == [1, 0, 1]
    assert codes_of(np.arange(1000)).tolist() == list(range(1000))
    counts = np.bincount(codes_of(np.random.default_rng(0).random(3200)))
    assert len(counts) == QUANTILES
    assert counts == pytest.approx(100, abs=2)


def test_chi2_is_scipys_less_chance() -> None:
    random = np.random.default_rng(0)
    code_N = random.integers(0, 6, 500)
    label_N = (random.random(500) < 0.2 + 0.1 * code_N).astype(np.int64)
    table = np.stack([np.bincount(code_N[label_N == label], minlength=6) for label in (0, 1)])
    chi2 = chi2_contingency(table, correction=False).statistic
    assert association(code_N, label_N) == pytest.approx(np.sqrt(chi2 / 500 - 5 / 499), rel=1e-9)
    assert association(label_N, label_N) == pytest.approx(1, abs=2e-3)
    assert association(np.arange(500), label_N) == 0
    assert association(np.zeros(500, np.int64), label_N) == 0
    found = rank("chi2", sample_of(label_N, code=Ids(code_N), vector=numbers(random.random(500), label_N)))
    assert found.scores["code"] == pytest.approx(association(code_N, label_N))
    assert found.scores["vector"] == pytest.approx(1, abs=2e-3)


def test_outrank_takes_off_what_a_shuffled_copy_gets() -> None:
    random = np.random.default_rng(0)
    label_N = random.integers(0, 2, ROWS)
    code_N = random.integers(0, 9, ROWS)
    assert information(code_N, label_N) == pytest.approx(mutual_info_score(code_N, label_N), rel=1e-9)
    many_N = random.integers(0, 300, ROWS)
    assert information(many_N, label_N) > 0.08
    found = rank("outrank", sample_of(label_N, copy=Ids(label_N), row=Ids(np.arange(ROWS)), many=Ids(many_N)))
    assert found.scores["copy"] == pytest.approx(np.log(2), abs=2e-3)
    assert found.scores["row"] == pytest.approx(0, abs=1e-9)
    assert abs(found.scores["many"]) < 0.02


def test_pearson_is_the_best_columns_correlation() -> None:
    random = np.random.default_rng(0)
    label_N = random.integers(0, 2, ROWS)
    weak_N, strong_N = label_N + 4 * random.normal(size=ROWS), label_N - random.normal(size=ROWS)
    found = rank("pearson", sample_of(label_N, vector=numbers(weak_N, -strong_N), flat=numbers(np.full(ROWS, 7.7))))
    expected = abs(np.corrcoef(-strong_N, label_N)[0, 1])
    assert found.scores["vector"] == pytest.approx(expected, rel=1e-5)
    assert found.scores["flat"] == 0


def test_vif_of_a_repeated_feature() -> None:
    """`sum` is a + b and more relevant than either; a given it has R² by regression; b given both has nothing left."""
    random = np.random.default_rng(0)
    a_N, b_N = random.normal(size=(2, ROWS)).astype(np.float32)
    label_N = (a_N + 0.8 * b_N > 0).astype(int)
    found = rank("vif", sample_of(label_N, sum=numbers(a_N + b_N), a=numbers(a_N), b=numbers(b_N), copy=numbers(a_N)))
    assert found.names[:2] == ("sum", "a")
    r = np.corrcoef(a_N + b_N, a_N)[0, 1]
    assert found.details["vif"]["sum"] == pytest.approx(1)
    assert found.details["vif"]["a"] == pytest.approx(1 / (1 - r**2), rel=1e-4)
    assert found.scores["a"] == pytest.approx(found.details["relevance"]["a"] * np.sqrt(1 - r**2), rel=1e-4)
    assert found.details["vif"]["b"] > 1e6
    assert found.scores["copy"] == 0


def test_mrmr_chooses_by_the_quotient() -> None:
    """The second is nearly the first's copy, so that the third, weaker and new, comes before it: 9/0.1 > 50/0.9."""
    relevance_F = np.array([100.0, 50.0, 9.0, 0.0])
    redundancy_FF = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.2, 0], [0.1, 0.2, 1, 0], [0, 0, 0, 0]])
    order, scores, redundancies = choose(relevance_F, redundancy_FF)
    assert order == [0, 2, 1, 3]
    assert scores == pytest.approx({0: 100, 2: 90, 1: 50 / 0.55, 3: 0})
    assert redundancies == pytest.approx({0: 0, 2: 0.1, 1: 0.55, 3: 0})
    random = np.random.default_rng(0)
    label_N = random.integers(0, 2, ROWS)
    strong_N, other_N = label_N + random.normal(size=(2, ROWS))
    near_N = strong_N + 0.01 * random.normal(size=ROWS)
    found = rank(
        "mrmr", sample_of(label_N, strong=numbers(strong_N), near=numbers(near_N), other=numbers(other_N, near_N * 0))
    )
    assert found.names[1] == "other"
    r = np.corrcoef(strong_N, label_N)[0, 1]
    assert found.details["relevance"]["strong"] == pytest.approx(r**2 / (1 - r**2) * (ROWS - 2), rel=1e-4)


def logistic(random: np.random.Generator, *strengths: float) -> tuple[Any, list[Any]]:
    x_NF = random.normal(size=(ROWS, len(strengths)))
    return (random.random(ROWS) < 1 / (1 + np.exp(-x_NF @ np.array(strengths)))).astype(int), list(x_NF.T)


@pytest.mark.parametrize("name", ["lasso", "rfe"])
def test_linear_models_rank_by_strength(name: str) -> None:
    """Whatever the units. Of a vector the strong column counts; a row of no weight is not seen."""
    random = np.random.default_rng(3)
    label_N, (strong_N, middle_N, weak_N, noise_N) = logistic(random, 3.0, -1.5, 0.7, 0.0)
    weight_N = np.where(np.arange(ROWS) % 3 == 0, 0.0, 1.0)
    columns = {
        "noise": numbers(np.where(weight_N > 0, noise_N, 50 * label_N)),
        "weak": numbers(1000 * weak_N),
        "strong": numbers(np.zeros(ROWS), strong_N),
        "middle": numbers(0.01 * middle_N + 5),
        "flat": numbers(np.ones(ROWS)),
    }
    found = rank(name, sample_of(label_N, weight_N, **columns))
    assert found.names[:3] == ("strong", "middle", "weak")
    assert found.names[-1] == "flat"
    assert [found.scores[each] for each in found.names] == sorted(found.scores.values(), reverse=True)
    if name == "lasso":
        assert found.scores["strong"] == pytest.approx(1)
        assert found.scores["flat"] == 0
    else:
        assert found.diagnostics["rounds"] == 5
        assert found.scores == pytest.approx({"flat": 0, "noise": 0.2, "weak": 0.4, "middle": 0.6, "strong": 0.8})


def test_a_feature_goes_as_a_whole() -> None:
    """Ten columns that share a signal are more than a single one of a third of it: their squares are summed."""
    random = np.random.default_rng(0)
    label_N, (signal_N, single_N, *_) = logistic(random, 2.0, 0.7)
    wide = numbers(*(signal_N + 2 * random.normal(size=(10, ROWS))))
    assert rank("rfe", sample_of(label_N, wide=wide, single=numbers(single_N)), step=0.5).names == ("wide", "single")


def exclusive_or(**more: Any) -> Sample:
    """The label is whether two signs agree; neither says a thing alone."""
    random = np.random.default_rng(1)
    a_N, b_N = random.normal(size=(2, ROWS))
    wide = numbers(*random.normal(size=(8, ROWS)))
    ids = Ids(random.integers(0, 400, ROWS))
    return sample_of((a_N * b_N > 0).astype(int), wide=wide, a=numbers(a_N), ids=ids, b=numbers(b_N), **more)


@pytest.mark.parametrize("name", ["random_forest", "gbdt", "xgboost"])
def test_trees_find_an_interaction(name: str) -> None:
    options = {"leaf_rows": 5} if name == "random_forest" else {}
    found = rank(name, exclusive_or(flat=numbers(np.ones(ROWS))), trees=40, **options)
    single = min(found.scores["a"], found.scores["b"])
    assert single > found.scores["ids"]
    assert single > found.scores["wide"] / 8, "of a column, not of eight"
    assert found.scores["flat"] == 0
    assert sum(found.scores.values()) == pytest.approx(1)


def test_trees_count_weights() -> None:
    """Rows of weight 0 would make `false` perfect."""
    random = np.random.default_rng(0)
    label_N, weight_N = random.integers(0, 2, ROWS), np.where(np.arange(ROWS) % 2, 1.0, 0.0)
    false_N = np.where(weight_N > 0, random.integers(0, 2, ROWS), label_N)
    true_N = np.where(random.random(ROWS) < 0.2, 1 - label_N, label_N)
    sample = sample_of(label_N, weight_N, false=numbers(false_N), true=numbers(true_N))
    for name in ("random_forest", "gbdt", "xgboost"):
        assert rank(name, sample, trees=10).scores["true"] > 0.9


def test_boruta_keeps_what_beats_all_shadows() -> None:
    found = rank("boruta", exclusive_or(flat=numbers(np.ones(ROWS))), forests=6, trees=40, depth=8)
    assert found.probability_like
    assert (found.scores["a"], found.scores["b"], found.scores["flat"]) == (1, 1, 0)
    assert found.scores["ids"] < 0.5
    assert found.scores["wide"] <= 0.5
    assert found.details["importance"].keys() == found.scores.keys()
