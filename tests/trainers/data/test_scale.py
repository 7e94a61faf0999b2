"""Columns with heavy tails are compressed before they are standardized; others are standardized alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from trainers.data.decode import Decoder
from trainers.data.scale import Scale, compressing
from trainers.data.statistics import Statistics, measure
from trainers.spec import JobSpec, SpecError, parse_spec

ROWS = 20_000
RANDOM = np.random.default_rng(0)
NOT_HEAVY = {
    "normal": RANDOM.normal(3.0, 2.0, ROWS),
    "exponential": RANDOM.exponential(5.0, ROWS),
    "rare flag": (RANDOM.random(ROWS) < 0.001).astype(float),
    "sparse": np.where(RANDOM.random(ROWS) < 0.01, RANDOM.normal(5.0, 1.0, ROWS), 0.0),
    "seconds": 1.7e9 + RANDOM.random(ROWS) * 3600,
    "two values": RANDOM.integers(0, 2, ROWS) * 1e6,
    # 0.1 · 3 isn't 0.3 to the last digit, which makes no spread.
    "rounded": RANDOM.choice([0.3, 0.1 * 3, 0.5, 0.9], ROWS, p=[0.5, 0.3, 0.1, 0.1]),
}
HEAVY = {
    "lognormal": RANDOM.lognormal(0.0, 1.5, ROWS),
    "sentinel": np.where(RANDOM.random(ROWS) < 0.01, 9_999_999_999.0, RANDOM.random(ROWS)),
    "one outlier": np.concatenate([[-1e12], RANDOM.normal(size=ROWS - 1)]),
    "sparse amounts": np.where(RANDOM.random(ROWS) < 0.02, RANDOM.lognormal(6.0, 2.0, ROWS), 0.0),
    "pressure, 0 for null": np.where(RANDOM.random(ROWS) < 0.1, 0.0, RANDOM.normal(1013.0, 7.0, ROWS)),
}


def spec_of(features: list[dict[str, object]]) -> JobSpec:
    dataset = {"train": "train", "validation": "validation", "test": "test", "label": "label"}
    return parse_spec({"name": "scales", "dataset": dataset, "features": features})


def measured(column: np.ndarray, **feature: object) -> tuple[Statistics, np.ndarray]:
    """The statistics of a column, and the column as a model takes it."""
    spec = spec_of([{"name": "x", "kind": "dense", **feature}])
    table = pa.table({"x": column, "label": np.zeros(len(column), np.int8)})
    found = measure(Decoder(spec), [table])
    return found, Decoder(spec, found).decode(table).dense_ND[:, 0]


@pytest.mark.parametrize("name", NOT_HEAVY)
def test_a_column_without_heavy_tails_is_standardized_alone(name: str) -> None:
    found, z_N = measured(NOT_HEAVY[name])
    assert not found.scale_D.compressed_D.any()
    expected_N = (NOT_HEAVY[name] - NOT_HEAVY[name].mean()) / NOT_HEAVY[name].std()
    np.testing.assert_allclose(z_N, expected_N, atol=1e-5)


def test_numbers_whose_squares_float32_does_not_hold_are_refused() -> None:
    """A layer adds up squares: it would make them infinite, and the loss no number."""
    column = RANDOM.normal(size=100)
    with pytest.raises(SpecError, match=r"values too large for float32, such as .*e\+29, in 100 of 100 rows; clip"):
        measured(column * 1e30, normalize="none")
    assert np.abs(measured(column * 1e30)[1]).max() < 5, "standardized, they are as any others"
    assert np.abs(measured(column * 1e17, normalize="none")[1]).max() > 1e17


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 5 * ROWS])
def test_whether_a_column_is_compressed_does_not_depend_on_its_order(rows: int) -> None:
    """Amounts in every other row: rows are looked at all over a block, in even and in odd places."""
    amounts = np.where(np.arange(rows) % 2, np.exp(3 * np.random.default_rng(1).normal(size=rows)), 0.0)
    found, _ = measured(amounts)
    assert found.scale_D.compressed_D.all()


@pytest.mark.parametrize("name", HEAVY)
def test_a_column_with_heavy_tails_keeps_its_order_and_tells_most_values_apart(name: str) -> None:
    column = HEAVY[name]
    found, z_N = measured(column)
    assert found.scale_D.compressed_D.all()
    order = np.argsort(column, kind="stable")
    assert (np.diff(z_N[order]) >= 0).all()
    usual = column[column != np.median(column)]
    low, high = np.quantile(usual, [0.25, 0.75])
    spread = np.ptp(z_N[(column >= low) & (column <= high)])
    assert spread > 0.05, "half of the values are told apart"
    standardized_N = (column - column.mean()) / column.std()
    assert spread > 4 * np.ptp(standardized_N[(column >= low) & (column <= high)])


def test_the_formula_by_hand() -> None:
    """Middle 2, spread 2: 2 → 0, 4 → log 2, 0 → −log 2, 2 + 2 (e³ − 1) → 3."""
    scale = Scale(mean_D=np.array([0.5]), std_D=np.array([2.0]), middle_D=np.array([2.0]), spread_D=np.array([2.0]))
    x_ND = np.array([[2.0], [4.0], [0.0], [2.0 * np.exp(3.0)]])
    expected = (np.array([0.0, np.log(2.0), -np.log(2.0), 3.0]) - 0.5) / 2.0
    np.testing.assert_allclose(scale.apply(x_ND)[:, 0], expected)


def test_the_spread_is_the_median_distance_of_what_is_not_in_the_middle() -> None:
    """Of 0 0 0 0 0 1 2 3 1000: the middle is 0, distances are 1, 2, 3 and 1000, and the spread is 2.5."""
    sample_nD = np.array([[0, 0, 0, 0, 0, 1, 2, 3, 1000.0]]).T
    plain = Scale(mean_D=sample_nD.mean(0), std_D=sample_nD.std(0))
    found = compressing(plain, sample_nD, np.array([True]))
    assert found.middle_D == pytest.approx([0.0])
    assert found.spread_D == pytest.approx([2.5])
    z_nD = found.apply(sample_nD)
    assert z_nD.mean() == pytest.approx(0.0, abs=1e-12)
    assert z_nD.std() == pytest.approx(1.0)
    assert compressing(plain, sample_nD, np.array([False])) is plain


def test_numbers_at_the_end_of_float64_are_no_trouble() -> None:
    spec = spec_of([{"name": "x", "kind": "dense"}])
    table = pa.table({"x": [-1.7e308, 1e308, 1.7e308] * 20, "label": np.zeros(60, np.int8)})
    found = measure(Decoder(spec), [table])
    assert not found.scale_D.compressed_D.any()


def test_linear_standardizes_alone_and_none_changes_nothing() -> None:
    column = HEAVY["lognormal"]
    linear, z_N = measured(column, normalize="linear")
    assert not linear.scale_D.compressed_D.any()
    np.testing.assert_allclose(z_N, (column - column.mean()) / column.std(), rtol=1e-4, atol=1e-5)
    _, raw_N = measured(column, normalize="none")
    np.testing.assert_array_equal(raw_N, column.astype(np.float32))


def test_columns_of_one_feature_have_scales_of_their_own() -> None:
    vectors = np.stack([NOT_HEAVY["normal"], HEAVY["lognormal"]], 1)
    spec = spec_of([{"name": "pair", "kind": "dense", "dim": 2}, {"name": "other", "kind": "dense"}])
    table = pa.table({"pair": list(vectors), "other": NOT_HEAVY["exponential"], "label": np.zeros(ROWS, np.int8)})
    found = measure(Decoder(spec), [table])
    assert found.scale_D.compressed_D.tolist() == [False, True, False]
    assert found.of("pair").compressed_D.tolist() == [False, True]
    assert found.of("other").spread_D is None


def test_a_missing_value_is_scaled_as_its_default() -> None:
    column = [None, *HEAVY["lognormal"].tolist()]
    spec = spec_of([{"name": "x", "kind": "dense", "default": 2.0}])
    table = pa.table({"x": pa.array(column, pa.float64()), "label": np.zeros(len(column), np.int8)})
    found = measure(Decoder(spec), [table])
    z_N = Decoder(spec, found).decode(table).dense_ND[:, 0]
    assert z_N[0] == pytest.approx(found.of("x").apply(np.array([[2.0]])).item(), rel=1e-6)
