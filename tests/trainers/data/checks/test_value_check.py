"""Values that can't be read are told with split, file and number of rows, by `check` and by what trains alike."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.bad_values import BadValuesError
from trainers.data.checks.check import CHECKED_ROWS, check
from trainers.data.checks.value_check import find_bad_values
from trainers.data.source import open_split
from trainers.pipeline.sampling import draw_sample
from trainers.spec import JobSpec, SpecError, parse_spec
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

ROWS = 40
SPLITS = ("train", "validation", "test")
FEATURES = (
    {"name": "age", "kind": "dense"},
    {"name": "clip", "kind": "dense", "dim": 2},
    {"name": "user", "kind": "categorical", "hash_size": 8, "ids": "checked"},
    {"name": "tags", "kind": "multi_categorical", "hash_size": 8, "ids": "checked"},
    {"name": "city", "kind": "categorical", "hash_size": 8},
)


def write(root: Path, split: str, file: str = "a", **changes: Any) -> str:
    """A file whose columns are good but for `changes`, by row. Returns its path."""
    columns: dict[str, list[Any]] = {
        "age": [float(row % 7) for row in range(ROWS)],
        "clip": [[float(row), 1.0] for row in range(ROWS)],
        "user": [row % 8 for row in range(ROWS)],
        "tags": [[row % 8, 1] for row in range(ROWS)],
        "city": ["x"] * ROWS,
        "label": [row % 2 for row in range(ROWS)],
        "w": [1.0] * ROWS,
    }
    for column, values in changes.items():
        for row, value in values.items():
            columns[column][row] = value
    path = root / split / f"{file}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return str(path)


def spec_of(root: Path, *features: dict[str, Any], **dataset: Any) -> JobSpec:
    places = {split: str(root / split) for split in SPLITS}
    training = {"batch_size": 4}
    return parse_spec({"dataset": {**places, **dataset}, "features": list(features or FEATURES), "training": training})


def refusal(spec: JobSpec) -> list[str]:
    with pytest.raises(SpecError) as refused:
        check(spec)
    return str(refused.value).splitlines()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in SPLITS:
        write(tmp_path, split)
    return tmp_path


def test_one_infinity_a_split_is_told_by_split_and_file(root: Path) -> None:
    paths = {split: write(root, split, age={3: float("inf")}) for split in SPLITS}
    found = "feature 'age': column 'age' has NaN or infinite values in 1 of 40 rows of"
    remedy = "clean them, or set `dataset.non_finite: replace` to read them as the default"
    assert refusal(spec_of(root)) == [f"{found} dataset.{split}, in {path}; {remedy}" for split, path in paths.items()]
    assert check(spec_of(root, non_finite="replace")).splits["train"].rows == ROWS


def test_every_kind_of_bad_value_is_a_line_and_counted_over_files(root: Path) -> None:
    bad: dict[str, Any] = {
        "age": {1: float("nan"), 2: float("-inf")},
        "clip": {4: [float("inf"), float("nan")], 5: [1.0, float("nan")]},
        "user": {0: 8, 6: -1},
        "tags": {0: [9, 9], 1: [1, 8]},
        "label": {7: 2, 8: None},
        "w": {9: -1.0},
    }
    first = write(root, "validation", "a", **bad)
    write(root, "validation", "b", age={0: float("nan")}, label={0: 3})
    write(root, "validation", "c")
    lines = refusal(spec_of(root, weight="w"))
    rows = "of 120 rows of dataset.validation, in "
    starts = [
        f"feature 'age': column 'age' has NaN or infinite values in 3 {rows}{first} and 1 more files; clean",
        f"feature 'clip': column 'clip' has NaN or infinite values in 2 {rows}{first}; clean",
        f"feature 'user': column 'user' has ids outside [0, 8), such as 8, in 2 {rows}{first}; raise",
        f"feature 'tags': column 'tags' has ids outside [0, 8), such as 9, in 2 {rows}{first}; raise",
        f"dataset.label: column 'label' has nulls in 1 {rows}{first}; fill",
        f"dataset.label: column 'label' has values other than 0 and 1, such as 2, in 2 {rows}{first} and 1 more files;",
        f"dataset.weight: column 'w' has weights such as -1.0 in 1 {rows}{first}; a weight",
    ]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start), line


def test_vectors_of_another_length_are_told_with_their_file(root: Path) -> None:
    path = write(root, "test", clip={0: [1.0], 5: [1.0, 2.0, 3.0]})
    (line,) = refusal(spec_of(root))
    assert line.startswith(
        "feature 'clip': column 'clip' has vectors of another length than 2, such as 1, in 2 of 40 rows of "
        f"dataset.test, in {path}; set `dim`"
    )


def test_every_row_is_read_where_a_sample_would_miss_one(root: Path) -> None:
    """No row of those that are decoded to look at them."""
    rows = 2 * CHECKED_ROWS
    age = np.zeros(rows)
    age[CHECKED_ROWS + 77] = np.inf
    table = pa.table({"age": pa.array(age), "label": pa.array(np.arange(rows) % 2)})
    pq.write_table(table, root / "train" / "a.parquet")
    (line,) = refusal(spec_of(root, FEATURES[0]))
    assert "in 1 of 131,072 rows of dataset.train, in " in line


def test_training_tells_the_same_as_check(root: Path) -> None:
    for split in ("train", "test"):
        write(root, split, "b", age={3: float("inf")}, user={5: 99})
    spec = spec_of(root)
    lines = refusal(spec)
    assert len(lines) == 4
    with pytest.raises(BadValuesError) as measured:
        DataLoaders.open(spec, RankContext())
    assert str(measured.value).splitlines() == lines[:2]
    with pytest.raises(BadValuesError) as drawn:
        draw_sample(spec, ROWS)
    assert str(drawn.value).splitlines() == lines[:2]
    write(root, "train", "b")
    loaders = DataLoaders.open(spec, RankContext())
    with pytest.raises(BadValuesError) as read:
        list(loaders.test.epoch())
    assert str(read.value).splitlines() == lines[2:]
    assert str(copy.copy(read.value)) == str(read.value)  # By pickle's protocol, as between processes.


def test_what_standardizing_refuses_is_told_with_its_file(root: Path) -> None:
    path = write(root, "validation", age={3: 1e300})
    (line,) = refusal(spec_of(root, {**FEATURES[0], "normalize": "linear"}))
    assert line.startswith("feature 'age': column 'age' has values too large for float32 once standardized, such as ")
    assert f" in 1 of 40 rows of dataset.validation, in {path}; clip them" in line


def test_of_a_split_beyond_the_limit_rows_from_all_over_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.data.checks.value_check.MOST_CELLS", 8)
    monkeypatch.setattr("trainers.data.checks.value_check.LEAST_ROWS", 8)
    spec = spec_of(root, FEATURES[0])
    path = write(root, "train", age={0: float("nan"), 39: float("nan")})
    found = find_bad_values(spec.dataset, spec.features, open_split(spec.dataset, "train"))
    assert [str(each).partition(";")[0] for each in found] == [
        f"feature 'age': column 'age' has NaN or infinite values in 2 of 8 rows read of dataset.train, in {path}"
    ]
