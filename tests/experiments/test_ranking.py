"""Rankings and the models that judge them, on a table whose useful columns are known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.spec import JobSpec, parse_spec

pytestmark = pytest.mark.filterwarnings("ignore")
USEFUL = {"strong", "twin", "colour"}
ROWS = {"train": 6000, "validation": 1500, "test": 1500}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """`strong` and its noisy `twin`, a category, and four columns of noise, one of them a category."""
    folder, random = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    for split, rows in ROWS.items():
        strong_N, twin_N = random.normal(size=(2, rows))
        colour_N = random.integers(0, 6, rows)
        logit_N = 1.2 * strong_N + 0.8 * twin_N + np.array([-1.5, 1.5, 0, 0.8, -0.8, 0])[colour_N]
        noise = {f"noise_{i}": random.normal(size=rows) for i in range(3)}
        columns = {
            "strong": strong_N,
            "twin": strong_N * 0.5 + twin_N,
            "colour": np.array(["red", "green", "blue", "white", "black", None])[colour_N],
            "city": random.integers(0, 40, rows).astype(str),
            **noise,
            "label": (random.random(rows) < 1 / (1 + np.exp(-logit_N))).astype(np.int8),
        }
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    kinds = {"colour": "categorical", "city": "categorical"}
    return parse_spec(
        {
            "name": "table",
            "training": {"epochs": 8},
            "dataset": {"label": "label", **{split: str(folder / f"{split}.parquet") for split in ROWS}},
            "features": [
                {"name": name, "kind": kinds[name], "dim": 4, "hash_size": 512} if name in kinds
                else {"name": name, "kind": "dense"}
                for name in ("strong", "twin", "colour", "city", "noise_0", "noise_1", "noise_2")
            ],
        }
    )  # fmt: skip


def test_columns_are_numbers_and_codes(spec: JobSpec) -> None:
    from tests.experiments.tables import read_table

    table = read_table(spec)
    assert table.names == ["strong", "twin", "colour", "city", "noise_0", "noise_1", "noise_2"]
    assert table.cardinality == {"colour": 6, "city": 41}
    assert sorted(table.columns["test"]["colour"].unique()) == [0, 1, 2, 3, 4, 5]
    assert table.only(["city", "twin"]).names == ["twin", "city"]


def test_judges_tell_what_is_useful_from_noise(spec: JobSpec) -> None:
    from tests.experiments.judges import worth
    from tests.experiments.tables import read_table

    table = read_table(spec)
    for useful, useless in zip(worth(table.only(USEFUL), 1), worth(table.only(["noise_0", "city"]), 1), strict=True):
        assert useful > 0.78
        assert 0.45 < useless < 0.55


def test_rankings_put_the_useful_columns_first(spec: JobSpec) -> None:
    from tests.experiments.ranking import measure, rank_all
    from tests.experiments.tables import read_table

    table, told = read_table(spec), []
    rankings: dict[str, list[str]] = {}
    rank_all(spec, table, rankings, lambda name, seconds: told.append(name))
    rank_all(spec, table, rankings, lambda name, seconds: pytest.fail(f"{name} is ranked twice"))
    known: dict[str, list[float]] = {}
    for order in rankings.values():
        assert sorted(order) == sorted(table.names)
    for name in ("Winnow", "permutation of LightGBM", "XGBoost gain", "L1", "random forest"):
        assert set(rankings[name][:3]) == USEFUL, name
    assert set(told) < set(rankings)
    found = measure(table, {"Winnow": rankings["Winnow"]}, [3], 1, known)
    assert found["Winnow"][0] > 0.78
    assert len(known) == 1


def test_tables_are_read_again_and_summed_up() -> None:
    from tests.experiments.ranking_summary import normalized_auc, read_tables

    lines = """
      Winnow: 31 s
| a: ranking | 4 of 9 | 2 of 9 |
|---|---|---|
| Winnow | 0.8000 | 0.6000 |
| L1 | 0.6000 | 0.7500 |
| all | 0.8373 | |
| b: ranking | 3 of 7 |
|---|---|
| L1 | 0.9000 |
| Winnow | 0.4500 |
"""
    found = read_tables(lines.splitlines())
    assert found == {
        "a, 4 of 9": {"Winnow": 0.8, "L1": 0.6},
        "a, 2 of 9": {"Winnow": 0.6, "L1": 0.75},
        "b, 3 of 7": {"L1": 0.9, "Winnow": 0.45},
    }
    assert normalized_auc(found.values()) == pytest.approx({"Winnow": (1 + 0.8 + 0.5) / 3, "L1": (0.75 + 1 + 1) / 3})
