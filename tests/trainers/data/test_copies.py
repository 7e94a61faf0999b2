"""Exact copies: by every row looked at, of one kind, whatever the width; drawn from all splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.copies import FIRST_ROWS, CopyFinder
from trainers.data.source import open_splits
from trainers.pipeline import sampling
from trainers.pipeline.sampling import find_copies
from trainers.spec import JobSpec, parse_spec

ROWS = 4 * FIRST_ROWS
RANDOM = np.random.default_rng(0)
IDS, NUMBERS = RANDOM.integers(0, 9, ROWS), RANDOM.normal(size=ROWS)
DENSE: dict[str, Any] = {"kind": "dense"}
SINGLE: dict[str, Any] = {"kind": "categorical", "hash_size": 16, "dim": 4}
LISTS: dict[str, Any] = {"kind": "multi_categorical", "hash_size": 16, "dim": 4}


def spec_of(features: dict[str, dict[str, Any]], root: Path = Path("nowhere")) -> JobSpec:
    files = {split: str(root / f"{split}.parquet") for split in ("train", "validation", "test")}
    return parse_spec({"dataset": files, "features": [{"name": name, **each} for name, each in features.items()]})


def copies(features: dict[str, dict[str, Any]], *tables: dict[str, Any]) -> list[tuple[str, ...]]:
    finder = CopyFinder(spec_of(features))
    for table in tables:
        finder.add(pa.table(table))
    return finder.copies()


def test_one_column_read_twice_is_a_copy_of_one_kind_alone() -> None:
    features = {
        "id": SINGLE,
        "wide": {**SINGLE, "column": "id", "dim": 16, "hash_size": 99},
        "number": {**DENSE, "column": "id"},
        "again": {**DENSE, "column": "id"},
    }
    assert copies(features, {"id": IDS}) == [("id", "wide"), ("number", "again")]


@pytest.mark.parametrize(
    ("kind", "column"),
    [(SINGLE, pa.array([0, 1, 5, 9, 1, None])), (LISTS, pa.array([[0, 1], [5], [9], [1], [], None]))],
)
def test_a_table_in_which_values_collide_is_no_copy_of_one_that_keeps_them_apart(
    kind: dict[str, Any], column: Any
) -> None:
    """5 and 9 are 1 modulo 4; modulo 10 and 16 all values keep apart; modulo 1 nothing does."""
    sizes = {"four": 4, "ten": 10, "sixteen": 16, "one": 1, "again": 4}
    features = {name: {**kind, "column": "u", "hash_size": size} for name, size in sizes.items()}
    assert copies(features, {"u": column}) == [("four", "again"), ("ten", "sixteen")]


def test_collisions_of_tables_that_come_one_after_another_are_seen() -> None:
    features = {"four": {**SINGLE, "column": "u", "hash_size": 4}, "ten": {**SINGLE, "column": "u", "hash_size": 10}}
    assert copies(features, {"u": [1, 2]}, {"u": [2, 3]}) == [("four", "ten")]
    assert copies(features, {"u": [1, 2]}, {"u": [2, 5]}) == []


def test_a_default_that_hides_null_among_values_is_no_copy() -> None:
    features = {
        "apart": {**SINGLE, "column": "u"},
        "as_3": {**SINGLE, "column": "u", "default": 3},
        "as_7": {**SINGLE, "column": "u", "default": 7},
        "zero": {**DENSE, "column": "x"},
        "one": {**DENSE, "column": "x", "default": 1.0},
    }
    columns = {"u": pa.array([1, 2, 3, None]), "x": pa.array([1.0, 2.0, None, 4.0])}
    assert copies(features, columns) == [("apart", "as_7")], "no row has 7"
    assert copies(features, {name: column.drop_null() for name, column in columns.items()}) == [
        ("apart", "as_3", "as_7"),
        ("zero", "one"),
    ]


def test_numbers_that_float32_may_not_hold_are_no_copies_of_standardized_ones() -> None:
    features = {"plain": {**DENSE, "column": "x", "normalize": "none"}, "scaled": {**DENSE, "column": "x"}}
    assert copies(features, {"x": 1.7e9 + np.arange(9.0)}) == []


def test_lists_are_copies_where_they_are_pooled_alike() -> None:
    features = {
        "tags": LISTS,
        "summed": {**LISTS, "column": "tags", "pooling": "sum"},
        "other": {**LISTS, "column": "cut"},
        "again": {**LISTS, "column": "tags"},
        "null": {**LISTS, "column": "nulls"},
    }
    table = {
        "tags": pa.array([[1, 2], [], [3]]),
        "cut": pa.array([[1], [2], [3]]),
        "nulls": pa.array([[1, 2], None, [3]]),  # a null list is an empty one
    }
    assert copies(features, table) == [("tags", "again", "null")]


def test_rows_that_come_later_tell_copies_apart_and_features_of_one_value_are_none() -> None:
    features = dict.fromkeys("abcd", DENSE)
    first = {"a": [0.0, 0.0], "b": [0.0, 0.0], "c": [0.0, 0.0], "d": [0.0, 0.0]}
    assert copies(features, first) == []
    second = {"a": [1.0, 0.0], "b": [1.0, 0.0], "c": [0.0, 0.0], "d": [0.0, 0.0]}
    assert copies(features, first, second) == [("a", "b")], "c and d are as alike, and say nothing"
    assert copies(features, first, second, {"a": [0.0], "b": [2.0], "c": [0.0], "d": [0.0]}) == []


def test_only_what_may_be_a_copy_is_read_on() -> None:
    finder = CopyFinder(spec_of({"a": DENSE, "b": DENSE, "c": DENSE, "id": SINGLE}))
    assert finder.columns == ["a", "b", "c"], "of ids there is one"
    finder.add(pa.table({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [1.0, 3.0]}))
    assert finder.columns == ["a", "b"]
    finder.add(pa.table({"a": [1.0], "b": [3.0]}))
    assert finder.columns == []
    assert finder.copies() == []


@pytest.mark.parametrize("split", ["train", "validation", "test", None])
def test_rows_of_every_split_are_compared(tmp_path: Path, split: str | None) -> None:
    """One row differs, the last of a split: no first rows tell it."""
    for name in ("train", "validation", "test"):
        nearly = NUMBERS.copy()
        nearly[-1] += name == split
        table = pa.table({"label": IDS % 2, "x": NUMBERS, "nearly": nearly, "copy": NUMBERS})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=ROWS // 2)
    spec = spec_of({"x": DENSE, "nearly": DENSE, "copy": DENSE}, tmp_path)
    found = find_copies(spec, open_splits(spec.dataset, ()))
    assert found == ([("x", "nearly", "copy")] if split is None else [("x", "copy")])


def test_of_many_rows_blocks_spread_over_the_split_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "COMPARED_ROWS", 2 * sampling.BLOCK)
    half = np.arange(ROWS) >= ROWS // 2
    table = pa.table({"label": IDS % 2, "x": NUMBERS, "half": np.where(half, 0.0, NUMBERS)})
    for name in ("train", "validation", "test"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    spec = spec_of({"x": DENSE, "half": DENSE}, tmp_path)
    reads = []
    sources = open_splits(spec.dataset, ())
    for source in sources.values():
        read = source.read
        monkeypatch.setattr(source, "read", lambda *args, read=read: reads.append(args) or read(*args))
    assert find_copies(spec, sources) == []
    assert sum(stop - start for _, start, stop in reads) <= FIRST_ROWS + 6 * sampling.BLOCK
