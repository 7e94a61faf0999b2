"""Statistics against published and hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trainers.benchmark.comparison import (
    cliques,
    critical_difference,
    friedman,
    holm,
    jaccard,
    mean_ranks,
    normalized_auc,
    paired_t,
    signed_rank,
)

# LeAP's Table 2 at 50%, by data set.
TABLE_2 = [
    {"No_Select": 0.8014, "SHARK": 0.7974, "SFS": 0.7969, "LeAP": 0.7984, "ML-1M's best": 0.0},
    {"No_Select": 0.7882, "SHARK": 0.7870, "SFS": 0.7827, "LeAP": 0.7870, "ML-1M's best": 0.0},
    {"No_Select": 0.6598, "SHARK": 0.6582, "SFS": 0.6579, "LeAP": 0.6583, "ML-1M's best": 0.0},
    {"No_Select": 0.7950, "SHARK": 0.8097, "SFS": 0.7946, "LeAP": 0.8097, "ML-1M's best": 0.8097},
]


def test_normalized_auc_is_the_papers() -> None:
    """To the last digit of what was computed of AUCs with four."""
    found = normalized_auc(TABLE_2)
    expected = {"No_Select": 0.9954, "SHARK": 0.9977, "SFS": 0.9915, "LeAP": 0.9981}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1.1e-4)


def test_a_method_that_a_data_set_lacks_has_none() -> None:
    assert normalized_auc([{"a": 0.5, "b": 1.0}, {"a": 0.8}]) == {"a": 0.75}
    assert normalized_auc([]) == {}


def test_paired_t_is_scipys() -> None:
    first, second = [0.71, 0.74, 0.72, 0.75], [0.70, 0.71, 0.73, 0.71]
    assert paired_t(first, second) == pytest.approx(stats.ttest_rel(first, second).pvalue)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [([0.7], [0.6], None), ([0.7, 0.8], [0.7, 0.8], 1.0), ([0.5, 0.75], [0.25, 0.5], 0.0)],
    ids=["one seed", "the same features", "the same difference"],
)
def test_paired_t_at_its_edges(first: list[float], second: list[float], p: float | None) -> None:
    assert paired_t(first, second) == p


def test_signed_rank_by_hand() -> None:
    """Five differences of one sign: two of the 32 ways to give signs are as extreme."""
    assert signed_rank([1, 2, 3, 4, 5], [0, 0, 0, 0, 0]) == pytest.approx(2 / 32)
    assert signed_rank([0.7, 0.8], [0.7, 0.8]) == 1.0


def test_holm_never_falls_and_never_passes_one() -> None:
    assert holm({"a": 0.02, "b": 0.5, "c": 0.6}) == pytest.approx({"a": 0.06, "b": 1.0, "c": 1.0})


def test_ranks_by_hand() -> None:
    """Rows: 0.9 > 0.8 > 0.7; then two that share ranks 1 and 2."""
    value_NK = np.array([[0.9, 0.7, 0.8], [0.6, 0.6, 0.5]])
    assert mean_ranks(value_NK).tolist() == [1.25, 2.25, 2.5]


def test_friedman_by_hand() -> None:
    """Three methods, four blocks that agree: χ² = 12·4/(3·4)·(1 + 0 + 1) = 8 with 2 degrees of freedom, p = e⁻⁴."""
    value_NK = np.tile([0.9, 0.8, 0.7], (4, 1))
    assert friedman(value_NK) == pytest.approx(np.exp(-4))
    assert friedman(np.full((4, 3), 0.5)) == 1.0
    assert friedman(value_NK[:, :2]) is None
    assert friedman(value_NK[:1]) is None


def test_the_critical_difference_is_demsars() -> None:
    """Demšar 2006, Table 5: q at 5% is 1.960 of two methods and 3.164 of ten."""
    assert critical_difference(2, 1) == pytest.approx(1.960, abs=5e-4)
    assert critical_difference(10, 30) == pytest.approx(3.164 * np.sqrt(110 / 180), abs=5e-4)


def test_cliques_are_the_largest() -> None:
    ranks = {"d": 4.8, "a": 1.0, "b": 1.5, "c": 1.9}
    assert cliques(ranks, 1.0) == [("a", "b", "c")]
    assert cliques(ranks, 0.1) == []
    assert cliques(ranks, 9.0) == [("a", "b", "c", "d")]


def test_one_seed_says_nothing_of_stability() -> None:
    assert jaccard([{"a"}]) is None
    assert jaccard([{"a"}, {"b"}]) == 0.0
