"""Types of columns: what can't be read is told once, with its files and what to do; mixtures are told."""

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.checks.check import check
from trainers.data.source import open_splits
from trainers.spec import JobSpec, SpecError, parse_spec

SPLITS = ("train", "validation", "test")
LABEL = [0, 1] * 4
X = {"name": "x", "kind": "dense"}
ID = {"name": "x", "kind": "categorical", "hash_size": 100}
TAGS = {"name": "x", "kind": "multi_categorical", "hash_size": 100}


def spec_of(root: Path, *features: dict[str, Any], **dataset: Any) -> JobSpec:
    places = {split: str(root / f"{split}.parquet") for split in SPLITS}
    return parse_spec({"dataset": {**places, **dataset}, "features": list(features), "training": {"batch_size": 4}})


def write(root: Path, *columns: Any) -> None:
    """A column `x` for train, validation and test; the last one given stands for those that are not."""
    for at, split in enumerate(SPLITS):
        table = pa.table({"x": columns[min(at, len(columns) - 1)], "label": LABEL})
        pq.write_table(table.replace_schema_metadata({"split": split}), root / f"{split}.parquet")


def refusal(spec: JobSpec) -> list[str]:
    with pytest.raises(SpecError) as refused:
        check(spec)
    return str(refused.value).splitlines()


DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("feature", "column", "remedy"),
    [
        (X, [DAY] * 8, "write it as numbers when you write the file, such as the days or seconds since 1970"),
        (ID, [DAY] * 8, "ids are integers or strings; write it as integers or strings when you write the file, such"),
        (TAGS, [DAY] * 8, "the spec says a list of ids; write lists of integers or strings"),
        (X, [{"a": 1}] * 8, "write the fields that matter as columns of their own, of numbers"),
        (X, pa.array([[("a", 1)]] * 8, pa.map_(pa.string(), pa.int64())), "write its keys, or its values, as a column"),
        ({**X, "dim": 2}, [[[1.0], [2.0]]] * 8, "a dense vector is a list of numbers; write one flat list of numbers"),
        ({**X, "dim": 2}, [["a", "b"]] * 8, "a list of numbers; declare it `kind: multi_categorical`"),
        ({**X, "dim": 2}, [[DAY, DAY]] * 8, "a list of numbers; in its lists, write it as numbers when you write"),
        (ID, [[1.5]] * 8, "the spec says one id per row; write one integer or string"),
        (TAGS, [[DAY]] * 8, "ids are integers or strings; in its lists, write it as integers or strings when"),
        (TAGS, [1.5] * 8, "the spec says a list of ids; write lists of integers or strings"),
    ],
)
def test_a_type_that_is_not_read_is_told_once_with_a_remedy(
    tmp_path: Path, feature: dict[str, Any], column: Any, remedy: str
) -> None:
    write(tmp_path, column)
    (line,) = refusal(spec_of(tmp_path, feature))
    assert line.startswith("feature 'x': column 'x' is ")
    assert remedy in line
    assert line.endswith(f"(in {tmp_path}/train.parquet and 2 more)")


def test_a_type_of_many_words_is_cut(tmp_path: Path) -> None:
    write(tmp_path, [{f"field_{at}": at for at in range(500)}] * 8)
    (line,) = refusal(spec_of(tmp_path, X))
    assert len(line) < 400


def test_a_type_that_another_file_has_not_is_told_by_both_files(tmp_path: Path) -> None:
    write(tmp_path, [1.5] * 8, ["a"] * 8)
    (line,) = refusal(spec_of(tmp_path, X))
    assert line.startswith(f"dataset: column 'x' is double in {tmp_path}/train.parquet and string in {tmp_path}/valid")


def test_a_label_that_is_no_number_is_told_once(tmp_path: Path) -> None:
    for split in SPLITS:
        pq.write_table(pa.table({"x": [1.5] * 8, "label": ["a"] * 8}), tmp_path / f"{split}.parquet")
    (line,) = refusal(spec_of(tmp_path, X))
    assert line.startswith("dataset.label: column 'label' is string; write it as 0 and 1 (in ")


def test_a_column_that_stands_twice_in_a_file(tmp_path: Path) -> None:
    """Of a feature, of the label and of the group; by `check` and by a run."""
    twice = pa.Table.from_arrays(
        [pa.array([1.0] * 8), pa.array([2.0] * 8), *[pa.array(LABEL)] * 2, *[pa.array(LABEL)] * 2],
        names=["x", "x", "label", "label", "g", "g"],
    )
    write(tmp_path, [1.0] * 8)
    table = pq.read_table(tmp_path / "train.parquet").append_column("g", pa.array(LABEL))
    pq.write_table(table, tmp_path / "train.parquet")
    pq.write_table(table, tmp_path / "validation.parquet")
    pq.write_table(twice, tmp_path / "test.parquet")
    lines = refusal(spec_of(tmp_path, X, group="g"))
    starts = [f"column {name!r} stands 2 times in {tmp_path}/test.parquet" for name in ("x", "label", "g")]
    assert [line.partition(",")[0] for line in lines] == starts
    spec = spec_of(tmp_path, X)
    with pytest.raises(SpecError, match=r"column 'x' stands 2 times in \S*test.parquet"):
        open_splits(spec.dataset, ["x", "label"])


BOOLEANS = [True, False] * 4
DECIMALS = pa.array([1, 2] * 4).cast(pa.decimal128(21, 2))


@pytest.mark.parametrize(
    ("feature", "train", "test", "words"),
    [
        (X, [1.5] * 8, BOOLEANS, "column 'x' is double in {0}/train.parquet and bool in {0}/validation.parquet and 1"),
        (X, [1.5] * 8, DECIMALS, "is double in {0}/train.parquet and decimal128(21, 2) in {0}/validation.parquet and"),
        (ID, [1, 2] * 4, BOOLEANS, "is int64 in {0}/train.parquet and bool in "),
        (ID, [1, 2] * 4, pa.array([1, 2] * 4, pa.uint64()), "is int64 in {0}/train.parquet and uint64 in "),
        (TAGS, [[1]] * 8, [[True]] * 8, "is list<element: int64> in {0}/train.parquet and list<element: bool> in "),
        (X, [1, 2] * 4, pa.array([1, 2] * 4, pa.uint64()), None),
        (X, [1.5] * 8, [1, 2] * 4, None),
        (ID, [1, 2] * 4, pa.array([1, 2] * 4, pa.int8()), None),
        (ID, [1, 2] * 4, pa.nulls(8), None),
    ],
)
def test_mixtures_of_types_that_can_be_read_are_told(
    tmp_path: Path, feature: dict[str, Any], train: Any, test: Any, words: str | None
) -> None:
    write(tmp_path, train, test)
    told = [line for line in check(spec_of(tmp_path, feature)).warnings if "are read as the same numbers" in line]
    assert len(told) == (words is not None)
    if words is not None:
        assert words.format(tmp_path) in told[0]


def test_a_label_may_mix_booleans_and_integers(tmp_path: Path) -> None:
    """It is 0 or 1 in any type."""
    write(tmp_path, [1.5] * 8)
    pq.write_table(pa.table({"x": [1.5] * 8, "label": [False, True] * 4}), tmp_path / "test.parquet")
    assert not [line for line in check(spec_of(tmp_path, X)).warnings if "same numbers" in line]


@pytest.mark.parametrize(
    ("column", "default", "told"),
    [
        ([1, None] * 4, "abc", "default 'abc' is text, and column 'x' is int64"),
        (["a", None] * 4, 5, "default 5 is a number, and column 'x' is string"),
        ([1, None] * 4, 7, None),
        (["a", None] * 4, "abc", None),
        ([1, None] * 4, None, None),
        (pa.nulls(8), "abc", None),
    ],
)
def test_a_default_of_another_kind_than_the_column_is_told(
    tmp_path: Path, column: Any, default: Any, told: str | None
) -> None:
    write(tmp_path, column)
    found = [line for line in check(spec_of(tmp_path, {**ID, "default": default})).warnings if ": default " in line]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]
