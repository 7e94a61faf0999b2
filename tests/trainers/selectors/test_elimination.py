"""Backward elimination against hand-made models, a plain greedy search and direct solves in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.selectors.base import Ranking
from trainers.selectors.gates import elimination
from trainers.selectors.gates.elimination import _Field, _order
from trainers.selectors.gates.ranking import Elimination, open_features, reorder
from trainers.selectors.sensitivity.trained import EmbeddedRows

ROWS = 4000


class Formula(nn.Module):
    """logit = w · x + cross · x_0 x_1."""

    def __init__(self, weights: list[float], cross: float = 0.0) -> None:
        super().__init__()
        self.weight_C, self.cross = torch.tensor(weights), cross

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        return (x_BC @ self.weight_C + self.cross * x_BC[:, 0] * x_BC[:, 1])[:, None]


def rows_of(x_NC: torch.Tensor, backbone: nn.Module, weight_N: torch.Tensor | None = None) -> EmbeddedRows:
    """Rows whose labels are drawn as the backbone says."""
    chance_N1 = backbone(x_NC).sigmoid()
    label_N1 = (torch.rand(chance_N1.shape, generator=torch.Generator().manual_seed(1)) < chance_N1).float()
    return EmbeddedRows(x_NC, label_N1, torch.ones(len(x_NC)) if weight_N is None else weight_N)


def normal(columns: int, rows: int = ROWS) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


def field_of(dims: dict[str, int], backbone: nn.Module, rows: EmbeddedRows) -> _Field:
    return _Field(FeatureLayout.from_dims(dims), backbone, rows)


def test_independent_features_go_by_their_weight_and_cost_what_their_absence_costs() -> None:
    backbone, x_NC = Formula([0.3, 2.0, 1.0]), normal(3)
    rows = rows_of(x_NC, backbone)
    found = _order(field_of({"weak": 1, "strong": 1, "middle": 1}, backbone, rows), set())
    assert found.names == ("strong", "middle", "weak")
    without_NC = x_NC.double().numpy().copy()
    cost = logloss(without_NC @ [0.3, 2.0, 1.0], rows)
    without_NC[:, 0] = without_NC[:, 0].mean()
    assert found.costs["weak"] == pytest.approx(logloss(without_NC @ [0.3, 2.0, 1.0], rows) - cost, abs=2e-4)
    assert found.costs["strong"] > found.costs["middle"] > found.costs["weak"] > 0
    assert found.rows == ROWS


def logloss(logit_N: np.ndarray, rows: EmbeddedRows) -> float:
    sign_N = 2.0 * rows.label_NT[:, 0].double().numpy() - 1.0
    return float(np.logaddexp(0.0, -sign_N * logit_N).mean())


def test_of_two_copies_one_goes_for_nothing_and_the_other_is_dear() -> None:
    x_NC = normal(3)
    x_NC[:, 1] = x_NC[:, 0]
    backbone = Formula([0.8, 0.8, 1.2])
    found = _order(field_of({"copy": 1, "twin": 1, "single": 1}, backbone, rows_of(x_NC, backbone)), set())
    assert found.names[0] in {"copy", "twin"}
    assert found.names[1] == "single"
    assert abs(found.costs[found.names[2]]) < 1e-3, "the twin stands in for it"
    assert found.costs[found.names[0]] > 0.1


def test_two_features_that_matter_together_alone_outlast_a_weak_one() -> None:
    backbone = Formula([0.0, 0.0, 0.3], cross=2.0)
    found = _order(field_of({"a": 1, "b": 1, "weak": 1}, backbone, rows_of(normal(3), backbone)), set())
    assert found.names[2] == "weak"


def test_essential_features_stay_and_stand_first() -> None:
    backbone = Formula([0.0, 1.0, 2.0])
    found = _order(field_of({"useless": 1, "b": 1, "c": 1}, backbone, rows_of(normal(3), backbone)), {"useless"})
    assert found.names == ("useless", "c", "b")
    assert found.costs.keys() == {"b", "c"}


def test_weights_count() -> None:
    backbone, x_NC = Formula([1.0, 1.0]), normal(2)
    x_NC[: ROWS // 2, 0], x_NC[ROWS // 2 :, 1] = 0.0, 0.0
    weight_N = torch.ones(ROWS)
    weight_N[: ROWS // 2] = 0.01  # the rows where only the second varies
    dims = {"first": 1, "second": 1}
    assert _order(field_of(dims, backbone, rows_of(x_NC, backbone, weight_N)), set()).names == ("first", "second")


@pytest.mark.parametrize("columns", [4096, 1])
def test_lazy_greedy_finds_what_counting_every_cost_anew_finds(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elimination, "MOST_COLUMNS", columns)
    mixed_NC = normal(7) @ torch.linalg.qr(normal(7, rows=7)).Q + 0.5 * normal(1)
    backbone = Formula([0.5, -0.7, 1.0, 0.2, -0.4, 0.9, 0.1], cross=0.6)
    dims, rows = {"a": 2, "b": 1, "c": 3, "d": 1}, rows_of(mixed_NC, backbone)
    plain, gone = field_of(dims, backbone, rows), []
    while len(gone) < len(dims):
        name = min((name for name in dims if name not in gone), key=plain.cost)
        plain.drop(name)
        gone.append(name)
    found = _order(field_of(dims, backbone, rows), set())
    assert found.names == tuple(reversed(gone))
    assert found.passes < 2 * 40


def test_what_stands_in_is_the_ridge_regression_on_the_columns_left() -> None:
    """After two features went, the input is that of two direct solves, one put into the other."""
    x_NC = normal(6) @ normal(6, rows=6)
    backbone = Formula([0.4, -0.3, 0.5, 0.3, 0.2, 0.6])
    field = field_of({"a": 2, "b": 1, "c": 3}, backbone, rows_of(x_NC, backbone))
    mean_C, deviation_C = x_NC.double().mean(0), x_NC.double().std(0, correction=0)
    z_NC = (x_NC.double() - mean_C) / deviation_C
    covariance_CC = z_NC.T @ z_NC / ROWS + 0.01 * torch.eye(6, dtype=torch.float64)
    b, ac, c = [2], [0, 1, 3, 4, 5], [3, 4, 5]
    b_from_ac = torch.linalg.solve(covariance_CC[ac][:, ac], covariance_CC[ac][:, b])
    a_from_c = torch.linalg.solve(covariance_CC[c][:, c], covariance_CC[c][:, [0, 1]])

    field.drop("b")
    expected_NC = z_NC.clone()
    expected_NC[:, b] = z_NC[:, ac] @ b_from_ac
    torch.testing.assert_close(field.x_NC.double(), expected_NC * deviation_C + mean_C, atol=1e-4, rtol=1e-4)

    field.drop("a")
    expected_NC[:, [0, 1]] = z_NC[:, c] @ a_from_c
    expected_NC[:, b] = expected_NC[:, ac] @ b_from_ac
    torch.testing.assert_close(field.x_NC.double(), expected_NC * deviation_C + mean_C, atol=1e-4, rtol=1e-4)


def test_a_constant_column_and_more_columns_than_rows_are_no_trouble() -> None:
    x_NC = normal(40, rows=30)
    x_NC[:, 0] = 7.0
    backbone = Formula([1.0] * 40)
    found = _order(field_of({"constant": 1, "wide": 39}, backbone, rows_of(x_NC, backbone)), set())
    assert found.names == ("wide", "constant")
    assert found.costs["constant"] == pytest.approx(0.0, abs=1e-6)


def test_eliminated_features_stand_before_closed_ones_with_what_their_absence_costs() -> None:
    ranking = Ranking(
        names=("a", "b", "closed"),
        scores={"a": 0.9, "b": 0.8, "closed": 0.1},
        probability_like=True,
        details={"mean_gate": {"a": 0.9, "b": 0.9, "closed": 0.5}},
    )
    assert open_features(ranking) == ["a", "b"]
    found = reorder(ranking, Elimination(names=("b", "a"), costs={"b": 0.2, "a": 0.1}, passes=6, rows=100))
    assert found.names == ("b", "a", "closed")
    assert found.scores == ranking.scores
    assert found.details == {**ranking.details, "drop_cost": {"b": 0.2, "a": 0.1}}
    assert found.diagnostics == {"elimination_passes": 6.0, "elimination_rows": 100.0}
