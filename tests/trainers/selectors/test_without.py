"""Selectors that run a model without features, or with others' values, against values worked out by hand."""

from itertools import permutations

import numpy as np
import pytest
import torch

from sharding.layout import FeatureLayout
from tests.support.trained_model import trained
from trainers.selectors.sensitivity.conditional_permutation import (
    ConditionalPermutationSpec,
    correlations,
    permuted_within,
    strata_of,
)
from trainers.selectors.sensitivity.leave_one_out import LeaveOneOutSpec
from trainers.selectors.sensitivity.shapley import ShapleySpec, exact_values, sampled_values
from trainers.selectors.sensitivity.trained import TrainedModel

# The four rows of two signs, four times over, in float64.
SIGNS = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64).repeat(4, 1)


def logloss(logit: float, label: float) -> float:
    return float(np.log1p(np.exp(-logit if label else logit)))


def exclusive_or() -> TrainedModel:
    """z = 4 a b, and the label is whether a and b agree; `none` is not heard."""
    x_NC = torch.cat([SIGNS, torch.arange(16.0, dtype=torch.float64)[:, None]], 1)
    layout = FeatureLayout.from_dims({"a": 1, "b": 1, "none": 1})
    return trained(x_NC, (SIGNS.prod(1) > 0).double(), layout, logit=lambda x_BC: 4 * x_BC[:, 0] * x_BC[:, 1])


def test_leave_one_out_by_hand() -> None:
    """At its mean of 0, either sign leaves z = 0: log 2 − log(1 + e^−4). Means count weights."""
    found = LeaveOneOutSpec(name="leave_one_out").rank(exclusive_or())
    assert found.scores["a"] == pytest.approx(np.log(2) - logloss(4, 1), rel=1e-12)
    assert found.scores["b"] == found.scores["a"]
    assert (found.scores["none"], found.diagnostics["passes"]) == (0, 4)
    weight_N = torch.tensor([3.0, 1.0])
    x_NC = torch.tensor([[1.0, 7.0, 5.0], [-1.0, 7.0, 5.0]])
    layout = FeatureLayout.from_dims({"sign": 1, "rest": 2})
    model = trained(x_NC, torch.tensor([1.0, 0.0]), layout, weight_N=weight_N)
    rise = LeaveOneOutSpec(name="leave_one_out").rank(model).scores["sign"]
    assert rise == pytest.approx((3 * logloss(2, 1) + logloss(2, 0)) / 4 - logloss(4, 1), rel=1e-6)


def test_what_a_correlated_feature_says_as_well_is_nothing_of_its_own() -> None:
    """z = 4 a, and `twin` is (a, a): among rows of one value of it, every a is the same. `b` is free of both."""
    x_NC = torch.cat([SIGNS[:, :1], SIGNS[:, :1], SIGNS[:, :1], SIGNS[:, 1:]], 1)
    layout = FeatureLayout.from_dims({"a": 1, "twin": 2, "b": 1})
    model = trained(x_NC, (SIGNS[:, 0] > 0).double(), layout)
    found = ConditionalPermutationSpec(name="conditional_permutation").rank(model)
    assert found.scores == {"a": 0, "twin": 0, "b": 0}
    assert found.details["correlation"] == pytest.approx({"a": 1, "twin": 1, "b": 0})
    free = ConditionalPermutationSpec(name="conditional_permutation", repeats=1, correlation=1.0)
    assert correlations(layout, model.embed(16), "b").tolist() == [0, 0, 0]
    alone = trained(x_NC[:, [0, 3]], (SIGNS[:, 0] > 0).double(), FeatureLayout.from_dims({"a": 1, "b": 1}))
    order_N = permuted_within(np.zeros(16, np.int64), np.random.default_rng([5, 0, 0]))
    moved = float((SIGNS[order_N, 0] != SIGNS[:, 0]).double().mean())
    assert free.rank(alone).scores["a"] == pytest.approx(4 * moved)
    assert moved > 0


def test_correlations_of_any_dims() -> None:
    """|r| of two numbers; of a number with the pair (itself, as much of something else), RV = 1 / √2."""
    random = np.random.default_rng(0)
    a_N, b_N = random.normal(size=(2, 200))
    b_N -= b_N @ (a_N - a_N.mean()) / ((a_N - a_N.mean()) ** 2).sum() * a_N
    b_N *= a_N.std() / b_N.std()
    c_N = a_N + 2 * b_N
    x_NC = torch.tensor(np.stack([a_N, c_N, a_N, b_N], 1))
    layout = FeatureLayout.from_dims({"a": 1, "c": 1, "pair": 2})
    found_F = correlations(layout, trained(x_NC, torch.zeros(200), layout).embed(200), "a")
    assert found_F[0] == 0
    assert found_F[1] == pytest.approx(abs(np.corrcoef(a_N, c_N)[0, 1]), rel=1e-9)
    assert found_F[2] == pytest.approx(2**-0.25, rel=1e-9)


def test_strata_are_quantiles_and_permutations_stay_within() -> None:
    x_NC = torch.stack([torch.arange(100.0).flip(0), torch.arange(100.0) % 2, torch.zeros(100)], 1)
    layout = FeatureLayout.from_dims({"number": 1, "flag": 1, "flat": 1})
    rows = trained(x_NC, torch.zeros(100), layout).embed(100)
    sizes = np.unique(strata_of(layout, rows, ["number"], 4), return_counts=True)[1]
    assert sizes.tolist() == pytest.approx([25] * 4, abs=1)
    assert len(np.unique(strata_of(layout, rows, ["number", "flag"], 4))) == 8
    assert len(np.unique(strata_of(layout, rows, ["flat"], 4))) == 1
    stratum_N = strata_of(layout, rows, ["flag"], 4)
    assert (np.unique(stratum_N[x_NC[:, 1] == 1]).size, np.unique(stratum_N).size) == (1, 2)
    order_N = permuted_within(stratum_N, np.random.default_rng(0))
    assert sorted(order_N) == list(range(100))
    assert (stratum_N[order_N] == stratum_N).all()
    assert (order_N != np.arange(100)).mean() > 0.8


def test_shapley_shares_an_interaction_evenly() -> None:
    """Neither sign is worth a thing alone, both together log 2 − log(1 + e^−4): half each, and nothing is lost."""
    found = ShapleySpec(name="shapley").rank(exclusive_or())
    whole = np.log(2) - logloss(4, 1)
    assert found.scores == pytest.approx({"a": whole / 2, "b": whole / 2, "none": 0}, rel=1e-9)
    assert found.details["first_pass"]["a"] == pytest.approx(whole)
    assert (found.diagnostics["exact"], found.diagnostics["passes"]) == (True, 1 + 3 + 8)
    assert ShapleySpec(name="shapley", orders=1).rank(exclusive_or()).diagnostics["exact"] is False


def test_shapley_values_are_means_over_all_orders() -> None:
    losses = {subset: float(value) for subset, value in enumerate(np.random.default_rng(3).normal(size=16))}
    paths = []
    for order in permutations(range(4)):
        paths.append([0])
        for player in order:
            paths[-1].append(paths[-1][-1] | 1 << player)
    exact = exact_values(losses, 4)
    assert exact == pytest.approx(sampled_values(losses, paths, 4), rel=1e-9)
    assert sum(exact) == pytest.approx(losses[0] - losses[15], rel=1e-9)


def test_shapley_is_of_the_features_around_the_cut() -> None:
    """z = 4 a + 2 b + c: the players are b and c, a is present throughout and `none` absent."""
    random = np.random.default_rng(0)
    x_NC = torch.tensor(random.normal(size=(300, 4)))
    label_N = (torch.rand(300) < torch.sigmoid(x_NC @ torch.tensor([4.0, 2, 1, 0], dtype=torch.float64))).double()
    layout = FeatureLayout.from_dims({"a": 1, "b": 1, "c": 1, "none": 1})
    w_C = torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64)
    model = trained(x_NC, label_N, layout, logit=lambda x_BC: x_BC @ w_C)
    found = ShapleySpec(name="shapley", players=2, cut=2).rank(model)
    assert found.names == ("a", "b", "c", "none")
    assert found.details["shapley"].keys() == {"b", "c"}
    rows = model.embed(300)
    mean_C = rows.x_NC.mean(0)
    whole = model.logloss(rows, replaced={name: mean_C[layout.slice(name)] for name in ("b", "c", "none")})
    assert sum(found.details["shapley"].values()) == pytest.approx(whole - model.logloss(rows), rel=1e-9)
    assert found.scores["a"] == found.details["first_pass"]["a"]
