"""Backward elimination against hand-made models, a plain greedy search and direct solves in float64."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.mlp import MlpSpec
from trainers.selectors.base import Ranking
from trainers.selectors.gates import elimination
from trainers.selectors.gates.elimination import _Field, _order, _screen, eliminate
from trainers.selectors.gates.ranking import Cost, Elimination, reorder, weakest_first
from trainers.selectors.sensitivity.trained import EmbeddedRows

ROWS = 4000


class Formula(Backbone):
    """logit = w · x + cross · x_0 x_1, over features of the given dims, or of one column each, called a, b, c …"""

    def __init__(self, weights: list[float], cross: float = 0.0, dims: dict[str, int] | None = None) -> None:
        super().__init__(
            FeatureLayout.from_dims(dims or dict.fromkeys("abcdefgh"[: len(weights)], 1)), MlpSpec(backbone="mlp")
        )
        self.weight_C, self.cross = torch.tensor(weights), cross

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        return (x_BC @ self.weight_C + self.cross * x_BC[:, 0] * x_BC[:, 1])[:, None]


def rows_of(x_NC: torch.Tensor, backbone: Backbone, weight_N: torch.Tensor | None = None) -> EmbeddedRows:
    """Rows whose labels are drawn as the backbone says."""
    chance_N1 = backbone(x_NC).sigmoid()
    label_N1 = (torch.rand(chance_N1.shape, generator=torch.Generator().manual_seed(1)) < chance_N1).float()
    return EmbeddedRows(x_NC, label_N1, torch.ones(len(x_NC)) if weight_N is None else weight_N)


def normal(columns: int, rows: int = ROWS) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


def field_of(backbone: Backbone, rows: EmbeddedRows) -> _Field:
    return _Field(backbone, rows, rows.x_NC.mean(0))


def order(backbone: Backbone, rows: EmbeddedRows, weakest: str | None = None) -> Elimination:
    """Of one-letter features; in the layout's order unless `weakest` has them, weakest first."""
    return _order(field_of(backbone, rows), backbone.layout.names if weakest is None else weakest)


def test_independent_features_go_by_their_weight_and_cost_what_their_absence_costs() -> None:
    backbone, x_NC = Formula([0.3, 2.0, 1.0]), normal(3)
    rows = rows_of(x_NC, backbone)
    found = order(backbone, rows)
    assert found.names == ("b", "c", "a")
    without_NC = x_NC.double().numpy().copy()
    calibration = calibration_of(without_NC @ [0.3, 2.0, 1.0], rows)
    cost = calibration(without_NC @ [0.3, 2.0, 1.0]).mean()
    without_NC[:, 0] = without_NC[:, 0].mean()
    expected = calibration(without_NC @ [0.3, 2.0, 1.0]).mean() - cost
    assert found.costs["a"].rise == pytest.approx(expected, rel=1e-2)
    assert found.costs["b"].rise > found.costs["c"].rise > found.costs["a"].rise > 0
    assert found.rows == ROWS


def test_how_sure_the_model_is_of_itself_does_not_count() -> None:
    backbone, x_NC = Formula([0.3, 2.0, 1.0]), normal(3)
    rows = rows_of(x_NC, backbone)
    found = order(backbone, rows)
    backbone.weight_C = 30.0 * backbone.weight_C
    sure = order(backbone, rows)
    assert sure.names == found.names
    for name, cost in found.costs.items():
        assert sure.costs[name] == pytest.approx(cost, rel=1e-3)


def calibration_of(logit_N: np.ndarray, rows: EmbeddedRows) -> Callable[[np.ndarray], np.ndarray]:
    """The logloss of each row after the calibration that fits these logits, by scikit-learn."""
    label_N, weight_N = rows.label_NT[:, 0].double().numpy(), rows.weight_N.double().numpy()
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    fitted.fit(logit_N[:, None], label_N, sample_weight=weight_N)
    return lambda logit_N: (
        -np.take_along_axis(fitted.predict_log_proba(logit_N[:, None]), label_N[:, None].astype(int), axis=1)[:, 0]
    )


def test_of_two_copies_one_goes_for_nothing_and_the_other_is_dear() -> None:
    x_NC = normal(3)
    x_NC[:, 1] = x_NC[:, 0]
    backbone = Formula([0.8, 0.8, 1.2])
    found = order(backbone, rows_of(x_NC, backbone))
    assert found.names == ("b", "c", "a")
    assert abs(found.costs["a"].rise) < 1e-3, "b stands in for it"
    assert found.costs["b"].rise > 0.1


def test_two_features_that_matter_together_alone_outlast_a_weak_one() -> None:
    backbone = Formula([0.0, 0.0, 0.3], cross=2.0)
    assert order(backbone, rows_of(normal(3), backbone)).names[2] == "c"


def test_features_within_noise_go_by_their_gates_and_the_others_by_their_costs() -> None:
    backbone = Formula([1.0, 0.0, 1e-3, 0.0, 2.0])
    rows = rows_of(normal(5), backbone)
    assert order(backbone, rows, "abcde").names == ("e", "a", "d", "c", "b")
    assert order(backbone, rows, "ecdba").names == ("e", "a", "b", "d", "c")


def test_many_features_go_together_until_one_among_them_is_missed() -> None:
    """Of 40 useless features and a useful one, the useful one is found by halving."""
    weights = [0.0] * 41
    weights[17] = 1.0
    names = [f"x{place}" for place in range(41)]
    backbone = Formula(weights, dims=dict.fromkeys(names, 1))
    field = field_of(backbone, rows_of(normal(41), backbone))
    gone, missed = _screen(field, names, together=40)
    assert missed.keys() == {"x17"}
    assert list(gone) == [name for name in names if name != "x17"]
    assert all(abs(cost.rise) < 1e-6 for cost in gone.values())
    assert field.passes < 2 * 20, "one by one it would be 2 · 41"


def test_features_that_may_not_go_stand_first() -> None:
    backbone = Formula([0.0, 1.0, 2.0])
    found = order(backbone, rows_of(normal(3), backbone), "bc")
    assert found.names == ("a", "c", "b")
    assert found.costs.keys() == {"b", "c"}


def test_weights_count() -> None:
    backbone, x_NC = Formula([1.0, 1.0]), normal(2)
    x_NC[: ROWS // 2, 0], x_NC[ROWS // 2 :, 1] = 0.0, 0.0
    weight_N = torch.ones(ROWS)
    weight_N[: ROWS // 2] = 0.01  # the rows where only b varies
    assert order(backbone, rows_of(x_NC, backbone, weight_N), "ba").names == ("a", "b")
    assert order(backbone, rows_of(x_NC, backbone, weight_N), "ab").names == ("a", "b")


def test_the_error_of_a_cost_is_that_of_a_weighted_mean() -> None:
    backbone, weight_N = Formula([1.0, 0.5]), torch.rand(ROWS, generator=torch.Generator().manual_seed(2)) + 0.1
    rows = rows_of(normal(2), backbone, weight_N)
    absence = field_of(backbone, rows).absence(["b"])
    before_N, after_N = (backbone(x_NC)[:, 0].double().numpy() for x_NC in (rows.x_NC, absence.x_NC))
    calibration = calibration_of(before_N, rows)
    rise_N, share_N = (
        calibration(after_N) - calibration(before_N),
        (weight_N.double() / weight_N.double().sum()).numpy(),
    )
    rise, error = absence.cost
    assert rise == pytest.approx(np.average(rise_N, weights=share_N), rel=1e-2)
    assert error == pytest.approx(np.sqrt((share_N**2 * (rise_N - rise) ** 2).sum()), rel=1e-3)


@pytest.mark.parametrize("columns", [4096, 1])
def test_lazy_greedy_finds_what_counting_every_cost_anew_finds(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elimination, "MOST_COLUMNS", columns)
    mixed_NC = normal(7) @ torch.linalg.qr(normal(7, rows=7)).Q + 0.5 * normal(1)
    dims = {"a": 2, "b": 1, "c": 3, "d": 1}
    backbone = Formula([0.5, -0.7, 1.0, 0.2, -0.4, 0.9, 0.4], cross=0.6, dims=dims)
    rows = rows_of(mixed_NC, backbone)
    plain = field_of(backbone, rows)
    gone: list[str] = []
    while len(gone) < len(dims):
        absences = {name: plain.absence([name]) for name in dims if name not in gone}
        gone.append(min(absences, key=lambda name: absences[name].cost.rise))
        plain.take(absences[gone[-1]])
    found = order(backbone, rows)
    assert found.names == tuple(reversed(gone))
    assert found.passes < 2 * 20


def test_what_stands_in_is_the_ridge_regression_on_the_columns_left() -> None:
    """After two features went, the input is that of two direct solves, one put into the other."""
    x_NC = normal(6) @ normal(6, rows=6)
    x_NC -= x_NC.mean(0)
    backbone = Formula([0.4, -0.3, 0.5, 0.3, 0.2, 0.6], dims={"a": 2, "b": 1, "c": 3})
    field = field_of(backbone, rows_of(x_NC, backbone))
    mean_C, deviation_C = x_NC.double().mean(0), x_NC.double().std(0, correction=0)
    z_NC = (x_NC.double() - mean_C) / deviation_C
    covariance_CC = z_NC.T @ z_NC / ROWS + 0.01 * torch.eye(6, dtype=torch.float64)
    b, ac, c = [2], [0, 1, 3, 4, 5], [3, 4, 5]
    b_from_ac = torch.linalg.solve(covariance_CC[ac][:, ac], covariance_CC[ac][:, b])
    a_from_c = torch.linalg.solve(covariance_CC[c][:, c], covariance_CC[c][:, [0, 1]])

    field.take(field.absence(["b"]))
    expected_NC = z_NC.clone()
    expected_NC[:, b] = z_NC[:, ac] @ b_from_ac
    torch.testing.assert_close(field.x_NC.double(), expected_NC * deviation_C + mean_C, atol=1e-4, rtol=1e-4)

    field.take(field.absence(["a"]))
    expected_NC[:, [0, 1]] = z_NC[:, c] @ a_from_c
    expected_NC[:, b] = expected_NC[:, ac] @ b_from_ac
    torch.testing.assert_close(field.x_NC.double(), expected_NC * deviation_C + mean_C, atol=1e-4, rtol=1e-4)


def test_two_features_that_go_together_are_regressed_on_the_rest_alone() -> None:
    x_NC = normal(4) @ normal(4, rows=4)
    backbone = Formula([0.8, -0.5, 0.5, 0.7])
    field, rows = field_of(backbone, rows_of(x_NC, backbone)), x_NC.double()
    absence = field.absence(["a", "c"])
    assert absence.through_cC is not None
    field.take(absence)
    z_NC = (rows - rows.mean(0)) / rows.std(0, correction=0)
    covariance_CC = z_NC.T @ z_NC / ROWS + 0.01 * torch.eye(4, dtype=torch.float64)
    direct = torch.linalg.solve(covariance_CC[[1, 3]][:, [1, 3]], covariance_CC[[1, 3]][:, [0, 2]])
    expected_NC = z_NC.clone()
    expected_NC[:, [0, 2]] = z_NC[:, [1, 3]] @ direct
    expected_NC = expected_NC * rows.std(0, correction=0) + rows.mean(0)
    torch.testing.assert_close(field.x_NC.double(), expected_NC, atol=1e-4, rtol=1e-4)


def test_a_constant_column_and_more_columns_than_rows_are_no_trouble() -> None:
    x_NC = normal(40, rows=30)
    x_NC[:, 0] = 7.0
    backbone = Formula([1.0] * 40, dims={"constant": 1, "wide": 39})
    found = order(backbone, rows_of(x_NC, backbone))
    assert found.names == ("wide", "constant")
    assert found.costs["constant"].rise == pytest.approx(0.0, abs=1e-6)


def test_one_extreme_row_moves_no_mean() -> None:
    """Its mean over the measured rows would be 2,500, and far from every other row."""
    backbone, x_NC = Formula([1.0, 0.01]), normal(2)
    rows = rows_of(x_NC, backbone)
    x_NC[0, 1] = 1e7
    assert _Field(backbone, rows, torch.zeros(2)).absence(["b"]).cost.rise < 1e-3


def features_left(backbone: Backbone, rows: EmbeddedRows, gates: dict[str, float]) -> tuple[str, ...]:
    """What `eliminate` orders where gates ended so."""
    ranks = SimpleNamespace(is_leader=True, broadcast=lambda found: found)
    inputs = SimpleNamespace(baseline=SimpleNamespace(mean_C=rows.x_NC.mean(0)))
    model = SimpleNamespace(
        layout=backbone.layout,
        ranks=ranks,
        embed=lambda count: rows,
        model=SimpleNamespace(backbone=backbone, inputs=inputs),
    )
    return eliminate(model, Ranking.by_score(gates, probability_like=True)).names  # type: ignore[arg-type]


def test_closed_features_stay_out_unless_they_are_missed() -> None:
    backbone, x_NC = Formula([1.0, 0.8, 0.0, 0.0]), normal(4)
    rows = rows_of(x_NC, backbone)
    assert features_left(backbone, rows, {"a": 0.9, "b": 0.8, "c": 0.1, "d": 0.2}) == ("a", "b")
    assert features_left(backbone, rows, {"a": 0.9, "b": 0.1, "c": 0.1, "d": 0.2}) == ("a", "b")
    # a and b say the same, and both gates are closed: both are missed at first, and one of them for good.
    x_NC[:, 1] = x_NC[:, 0]
    rows = rows_of(x_NC, backbone)
    assert features_left(backbone, rows, {"a": 0.1, "b": 0.2, "c": 0.9, "d": 0.3}) == ("b", "c", "a")


def test_one_feature_is_left_where_none_is_open_or_missed() -> None:
    backbone = Formula([0.0, 0.0])
    assert features_left(backbone, rows_of(normal(2), backbone), {"a": 0.1, "b": 0.2}) == ("b",)


def test_eliminated_features_stand_before_the_others_with_what_their_absence_costs() -> None:
    ranking = Ranking(
        names=("a", "b", "closed", "missed"),
        scores={"a": 0.9, "b": 0.8, "closed": 0.1, "missed": 0.1},
        probability_like=True,
        details={"mean_gate": {"a": 0.9, "b": 0.95, "closed": 0.5, "missed": 0.3}},
    )
    assert weakest_first(ranking) == ["missed", "closed", "a", "b"]
    even = Ranking.by_score({"best": 0.9, "also": 0.9, "worst": 0.1}, probability_like=True)
    assert weakest_first(even) == ["worst", "also", "best"]
    costs = {"b": Cost(0.3, 0.01), "missed": Cost(0.2, 0.09), "a": Cost(0.1, 0.01)}
    found = reorder(ranking, Elimination(names=("b", "missed", "a"), costs=costs, passes=6, rows=100))
    assert found.names == ("b", "missed", "a", "closed")
    assert found.scores == ranking.scores
    assert found.details == {
        **ranking.details,
        "drop_cost": {"b": 0.3, "missed": 0.2, "a": 0.1},
        "drop_error": {"b": 0.01, "missed": 0.09, "a": 0.01},
        "missed": {"a": 0.0, "b": 0.0, "closed": 0.0, "missed": 1.0},
    }
    unsure = {**costs, "missed": Cost(0.2, 0.11)}  # within two standard errors
    again = reorder(ranking, Elimination(names=("b", "missed", "a"), costs=unsure, passes=6, rows=100))
    assert set(again.details["missed"].values()) == {0.0}
    assert found.diagnostics == {"elimination_passes": 6.0, "elimination_rows": 100.0}
