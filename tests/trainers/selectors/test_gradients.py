"""Selectors by gradient, against formulas in float64 on models whose gradients are known."""

from typing import Any

import numpy as np
import pytest
import torch

from sharding.layout import FeatureLayout
from tests.support.trained_model import trained
from trainers.selectors.sensitivity import gradients
from trainers.selectors.sensitivity.gradient_input import GradientInputSpec
from trainers.selectors.sensitivity.integrated_gradients import IntegratedGradientsSpec
from trainers.selectors.sensitivity.sfs import SfsSpec
from trainers.selectors.sensitivity.shark import SharkSpec
from trainers.selectors.sensitivity.snip import SnipSpec
from trainers.selectors.sensitivity.trained import TrainedModel

W = np.array([2.0, -1.0, 0.5, 0.1])
DIMS = {"pair": 2, "one": 1, "flat": 1}


def linear(weight_N: torch.Tensor | None = None, rows: int = 40) -> tuple[TrainedModel, Any, Any]:
    """z = W·x; the feature `flat` is 5 in every row. Also x and ∂L/∂z of each row."""
    random = np.random.default_rng(1)
    x_NC = random.normal(size=(rows, 4))
    x_NC[:, 3] = 5.0
    label_N = (random.random(rows) < 0.5).astype(float)
    model = trained(
        torch.tensor(x_NC),
        torch.tensor(label_N),
        FeatureLayout.from_dims(DIMS),
        weight_N=weight_N,
        logit=lambda x_BC: x_BC @ torch.tensor(W),
    )
    return model, x_NC, 1 / (1 + np.exp(-x_NC @ W)) - label_N


def test_shark_is_the_first_order_of_the_mean() -> None:
    model, x_NC, slope_N = linear()
    found = SharkSpec(name="shark", rounds=1).rank(model)
    part_NC = slope_N[:, None] * W * (x_NC.mean(0) - x_NC)
    assert found.scores["pair"] == pytest.approx(np.abs(part_NC[:, :2].sum(1)).mean(), rel=1e-12)
    assert found.scores["one"] == pytest.approx(np.abs(part_NC[:, 2]).mean(), rel=1e-12)
    assert found.scores["flat"] == 0
    assert found.details["first_order"] == found.scores
    assert (found.names[-1], found.diagnostics["passes"]) == ("flat", 1)


def test_shark_scores_anew_what_is_left() -> None:
    """Of three features, the one that goes first stands at its mean while the others are scored."""
    model, x_NC, slope_N = linear()
    found = SharkSpec(name="shark", rounds=3).rank(model)
    assert found.names == ("pair", "one", "flat")
    assert found.diagnostics["passes"] == 3
    moved_NC = x_NC.copy()
    moved_NC[:, 2] = x_NC[:, 2].mean()
    slope_N = slope_N + 1 / (1 + np.exp(-moved_NC @ W)) - 1 / (1 + np.exp(-x_NC @ W))
    pair_N = (slope_N[:, None] * W * (x_NC.mean(0) - x_NC))[:, :2].sum(1)
    assert found.scores["pair"] == pytest.approx(np.abs(pair_N).mean(), rel=1e-12)
    assert found.scores["pair"] != pytest.approx(found.details["first_order"]["pair"], rel=1e-3)


def test_snip_is_the_share_of_a_masks_slope() -> None:
    weight_N = torch.arange(1.0, 41.0)
    model, x_NC, slope_N = linear(weight_N)
    found = SnipSpec(name="snip").rank(model)
    slope_C = np.average(slope_N[:, None] * W * x_NC, axis=0, weights=np.arange(1.0, 41.0))
    pair, one = slope_C[:2].sum(), slope_C[2]
    assert found.details["slope"]["pair"] == pytest.approx(pair, rel=1e-12)
    assert found.scores["pair"] == pytest.approx(abs(pair) / (abs(pair) + abs(one)), rel=1e-12)
    assert found.scores["flat"] == 0
    assert sum(found.scores.values()) == pytest.approx(1)


def test_sfs_is_the_slope_of_each_column() -> None:
    model, _, slope_N = linear()
    found = SfsSpec(name="sfs").rank(model)
    slope = np.abs(slope_N).mean()
    assert found.scores["pair"] == pytest.approx(slope * np.sqrt((W[0] ** 2 + W[1] ** 2) / 2), rel=1e-12)
    assert found.scores["one"] == pytest.approx(slope * 0.5, rel=1e-12)
    assert found.scores["flat"] == 0


def test_gradient_times_input_of_a_linear_model_is_its_part() -> None:
    model, x_NC, _ = linear()
    found = GradientInputSpec(name="gradient_input").rank(model)
    assert found.scores["pair"] == pytest.approx(np.abs(x_NC[:, :2] @ W[:2]).mean(), rel=1e-12)
    assert found.scores["one"] == pytest.approx(np.abs(0.5 * x_NC[:, 2]).mean(), rel=1e-12)
    assert found.scores["flat"] == 0


def test_integrated_gradients_share_out_the_difference() -> None:
    """z = a³ + b c along the straight path from x' to x: a³ − a'³, and half of what b and c do together."""
    random = np.random.default_rng(2)
    x_NC = random.normal(size=(30, 3))
    model = trained(
        torch.tensor(x_NC),
        torch.zeros(30),
        FeatureLayout.from_dims({"cube": 1, "b": 1, "c": 1}),
        logit=lambda x_BC: x_BC[:, 0] ** 3 + x_BC[:, 1] * x_BC[:, 2],
    )
    found = IntegratedGradientsSpec(name="integrated_gradients", steps=2).rank(model)
    a_N, b_N, c_N = x_NC.T
    assert found.scores["cube"] == pytest.approx(np.abs(a_N**3 - a_N.mean() ** 3).mean(), rel=1e-12)
    part_N = (b_N - b_N.mean()) * (c_N + c_N.mean()) / 2
    assert found.scores["b"] == pytest.approx(np.abs(part_N).mean(), rel=1e-12)
    assert found.diagnostics["passes"] == 2
    zero = IntegratedGradientsSpec(name="integrated_gradients", baseline="zero").rank(model)
    assert zero.scores["b"] == pytest.approx(np.abs(b_N * c_N / 2).mean(), rel=1e-12)
    assert zero.scores["c"] == pytest.approx(zero.scores["b"], rel=1e-12)


def test_parts_of_the_rows_add_up_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    model, *_ = linear(torch.arange(1.0, 41.0))
    whole = SfsSpec(name="sfs").rank(model).scores
    monkeypatch.setattr(gradients, "ROWS_TOGETHER", 7)
    assert SfsSpec(name="sfs").rank(model).scores == pytest.approx(whole, rel=1e-12)
