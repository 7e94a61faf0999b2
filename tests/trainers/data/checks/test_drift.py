"""Splits whose rows aren't alike, and weights that let few rows count: told with numbers, and only where it is true."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.checks.check import CHECKED_ROWS, check
from trainers.data.source import Source
from trainers.data.spread import spread_ranges
from trainers.metrics.clusters import effective_rows
from trainers.spec import JobSpec, SpecError, parse_spec

ROWS = 4000
SPLITS = ("train", "validation", "test")
KINDS: dict[str, dict[str, Any]] = {
    "number": {"kind": "dense"},
    "vector": {"kind": "dense", "dim": 2},
    "id": {"kind": "categorical", "hash_size": 2**20},
    "tags": {"kind": "multi_categorical", "hash_size": 2**20},
}


def columns(seed: int, rows: int = ROWS) -> dict[str, Any]:
    """What doesn't differ: heavy tails, ids that mostly occur once, a column that is 1 in one row of a thousand."""
    random = np.random.default_rng(seed)
    return {
        "number": random.normal(size=rows),
        "heavy": np.exp(3 * random.normal(size=rows)),
        "rare": (random.random(rows) < 0.001) + 0.0,
        "id": random.integers(0, 50, rows),
        "unique": random.integers(0, 2**40, rows),
        "vector": list(random.normal(size=(rows, 2))),
        "tags": pa.array([[int(each)] for each in random.integers(0, 9, rows)], pa.list_(pa.int64())),
        "label": random.integers(0, 2, rows),
    }


def spec_of(root: Path, **dataset: Any) -> JobSpec:
    kinds = {**KINDS, "heavy": KINDS["number"], "rare": KINDS["number"], "unique": KINDS["id"]}
    return parse_spec(
        {
            "dataset": {**{split: str(root / f"{split}.parquet") for split in SPLITS}, **dataset},
            "features": [{"name": name, **kind} for name, kind in kinds.items()],
            "training": {"batch_size": 4},
        }
    )


def write(root: Path, split: str, rows: int = ROWS, **changes: Any) -> None:
    table = pa.table({**columns(SPLITS.index(split), rows), **changes})
    pq.write_table(table, root / f"{split}.parquet", row_group_size=1 << 14)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in SPLITS:
        write(tmp_path, split)
    return tmp_path


def differences(spec: JobSpec) -> list[str]:
    return [line for line in check(spec).warnings if ": features with " in line]


def test_splits_of_one_kind_are_not_told(root: Path) -> None:
    assert differences(spec_of(root)) == []


NUMBER = columns(2)["number"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": NUMBER * 1e15}, r"other means or deviations than in training: 'number' (mean -0.0151 → -1.3"),
        ({"number": NUMBER * 1e15}, " → 1e+15); write both in one unit"),
        ({"number": NUMBER * 1000}, "deviation 0.99"),
        ({"number": NUMBER + 1}, "other means or deviations"),
        ({"number": NUMBER / 1000}, "other means or deviations"),
        ({"vector": list(np.stack([NUMBER, 9 + NUMBER], 1))}, "'vector' (number 1 of 2: mean 0"),
        ({"number": np.full(ROWS, 3.0)}, "several values in training and one here: 'number' (1 of the rows differ)"),
        ({"id": np.full(ROWS, 3)}, "several values in training and one here: 'id'"),
        (
            {"number": np.where(np.arange(ROWS) % 2, NUMBER, 0)},
            "shares of rows at their default, or empty: 'number' (0",
        ),
        ({"id": pa.nulls(ROWS, pa.int64())}, "several values in training and one here: 'id' ("),
        ({"tags": pa.array([[]] * ROWS, pa.list_(pa.int64()))}, "several values in training and one here: 'tags'"),
        (
            {"id": columns(2)["id"] + 1000},
            "ids that training doesn't have: 'id' (100% of 4000, where 0% would be usual)",
        ),
        ({"tags": pa.array([[99]] * ROWS)}, "ids that training doesn't have: 'tags' (100% of 4000"),
    ],
)
def test_what_differs_is_told_with_numbers(root: Path, changes: dict[str, Any], words: str) -> None:
    write(root, "test", **changes)
    (line,) = differences(spec_of(root))
    assert line.startswith("dataset.test: features with ")
    assert words in line


def test_what_is_constant_in_training_alone(root: Path) -> None:
    write(root, "train", number=np.full(ROWS, 2.0), id=np.full(ROWS, 7))
    found = differences(spec_of(root))
    assert [line.partition(":")[0] for line in found] == ["dataset.validation", "dataset.test"]
    assert "one value in training and several here: 'number' (1 of the rows differ), 'id' (0.9" in found[0]


def test_sorted_rows_are_compared_all_over_the_splits(root: Path) -> None:
    """The first rows of a sorted file have other numbers, other ids and other shares than the rows of another one."""
    rows = 3 * CHECKED_ROWS
    at = np.arange(rows) / rows
    order = {"number": at, "heavy": (at > 0.5) * at, "id": (at * 50).astype(int)}
    write(root, "train", rows, **order)
    assert differences(spec_of(root)) != [], "validation isn't sorted: it has other numbers"
    few = np.sort(np.random.default_rng(3).random(ROWS))
    for split in ("validation", "test"):
        write(root, split, number=few, heavy=(few > 0.5) * few, id=(few * 50).astype(int))
    assert differences(spec_of(root)) == []
    write(root, "test", number=few, heavy=(few > 0.5) * few, id=(few * 50).astype(int) + 100)
    (line,) = differences(spec_of(root))
    assert "ids that training doesn't have: 'id' (100%" in line


def test_what_few_row_groups_lack_is_looked_for_in_more(root: Path) -> None:
    """A file a day, and holidays: the days that are read first have none, and a third of all days are."""
    rows = 3 * CHECKED_ROWS
    write(root, "train", rows)
    source = Source.open(str(root / "train.parquet"))
    (size,) = {stop - start for start, stop in source.group_ranges}
    read = {start // size for start, _ in spread_ranges(source, CHECKED_ROWS)}
    assert (len(read), len(source.group_ranges)) == (8, 12)
    write(root, "train", rows, rare=np.isin(np.arange(rows) // size, list(read), invert=True) + 0.0)
    for split in ("validation", "test"):
        write(root, split, rare=(np.arange(ROWS) % 3 == 0) + 0.0)
    assert differences(spec_of(root)) == []


@pytest.mark.parametrize(
    ("weight", "effective"), [([1, 1, 1, 1], 4), ([1, 3], 1.6), ([0, 0], 0), ([5e-324] * 3, 3), ([1e308, 1e308], 2)]
)
def test_effective_rows_by_hand(weight: list[float], effective: float) -> None:
    """(1 + 3)² / (1 + 9) = 1.6."""
    assert effective_rows(np.array(weight, np.float64)) == pytest.approx(effective)


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        (np.ones(ROWS), None),
        (np.r_[np.zeros(ROWS - 100), np.ones(100)], None),
        (np.r_[1e30, np.ones(ROWS - 1)], "lets 4000 rows of train count like 1 of one weight (the largest is "),
        (
            np.r_[np.full(4, 1e6), np.ones(ROWS - 4)],
            "count like 4.01 of one weight (the largest is 1e+06, their median 1)",
        ),
    ],
)
def test_few_effective_rows_are_told(root: Path, weight: Any, told: str | None) -> None:
    for split in SPLITS:
        write(root, split, w=np.ones(ROWS))
    write(root, "train", w=weight)
    found = [line for line in check(spec_of(root, weight="w")).warnings if line.startswith("dataset.weight")]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


@pytest.mark.parametrize(
    ("split", "weight", "words"),
    [
        ("train", np.full(ROWS, 1e308), "column 'w' adds up beyond float64; divide all weights"),
        ("train", np.full(ROWS, 5e-324), "has a mean of 4.94066e-324, too small for float64"),
        ("test", np.full(ROWS, 1e60), r"too large for float32 once divided by .* mean, 1, such as 1e\+60, in 4,000 of"),
    ],
)
def test_weights_that_floats_do_not_hold_are_refused(root: Path, split: str, weight: Any, words: str) -> None:
    for each in SPLITS:
        write(root, each, w=np.ones(ROWS))
    write(root, split, w=weight)
    with pytest.raises(SpecError, match=words):
        check(spec_of(root, weight="w"))


def test_huge_numbers_that_standardizing_makes_fit_are_taken(root: Path) -> None:
    """float32 holds 3.4e38 at most; a column of 1e100s standardized is of the order of 1."""
    for seed, split in enumerate(SPLITS):
        write(root, split, number=columns(seed)["number"] * 1e100)
    assert differences(spec_of(root)) == []
