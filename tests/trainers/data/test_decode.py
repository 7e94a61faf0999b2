"""Decoding: values by hand, and what is refused with which words."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from numpy.typing import NDArray

from trainers.data.columns import HASH_SEED
from trainers.data.decode import Decoder
from trainers.data.rows import Rows
from trainers.data.targets import NULL_GROUP
from trainers.models.inputs import tables_of
from trainers.spec import JobSpec, SpecError, parse_spec


def spec_of(*features: dict[str, Any], **dataset: Any) -> JobSpec:
    return parse_spec({"dataset": {"train": "x", "splits": {}, **dataset}, "features": list(features)})


def decode(spec: JobSpec, **columns: Any) -> Rows:
    rows = len(next(iter(columns.values())))
    return Decoder(spec).decode(pa.table({"label": [0] * rows, **columns}))


def dense(column: Any, **options: Any) -> NDArray[np.float32]:
    return decode(spec_of({"name": "x", "kind": "dense", **options}), x=column).dense_ND


def ids(column: Any, hash_size: int = 10, **options: Any) -> list[int]:
    spec = spec_of({"name": "x", "kind": "categorical", "hash_size": hash_size, **options})
    return decode(spec, x=column).ids_SN[0].tolist()


def lists(column: Any, hash_size: int = 10, **options: Any) -> tuple[list[int], list[int]]:
    spec = spec_of({"name": "x", "kind": "multi_categorical", "hash_size": hash_size, **options})
    rows = decode(spec, x=column)
    return rows.values_V.tolist(), rows.lengths_NM[:, 0].tolist()


def text_id(text: str, hash_size: int) -> int:
    return xxhash.xxh64(text.encode(), seed=HASH_SEED).intdigest() % hash_size


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint8(), pa.int32(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_(), pa.decimal128(9, 2)],
)
def test_dense_scalars_of_any_number(kind: pa.DataType) -> None:
    column = pa.array([1, None, 0], pa.int64()).cast(pa.float32()).cast(kind)
    out = dense(column, default=7.0)
    assert out.dtype == np.float32
    assert out.tolist() == [[1.0], [7.0], [0.0]]


def test_a_default_is_no_number_of_the_columns_type() -> None:
    assert dense(pa.array([1, None], pa.uint8()), default=-0.5).tolist() == [[1.0], [-0.5]]
    assert dense(pa.array([None, None])).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.int16(), 2)])
def test_dense_vectors(kind: pa.DataType) -> None:
    column = pa.array([[9, 9], [1, 2], None, [3, None]], kind)[1:]
    assert dense(column, dim=2, default=5.0).tolist() == [[1, 2], [5, 5], [3, 5]]


def test_dense_features_stand_in_the_specs_order() -> None:
    spec = spec_of(
        {"name": "b", "kind": "dense", "dim": 2},
        {"name": "id", "kind": "categorical", "hash_size": 3},
        {"name": "a", "kind": "dense", "column": "raw"},
    )
    rows = decode(spec, raw=[1.0, 2.0], id=[0, 1], b=[[3.0, 4.0], [5.0, 6.0]])
    assert rows.dense_ND.tolist() == [[3, 4, 1], [5, 6, 2]]


@pytest.mark.parametrize(
    ("column", "options", "words"),
    [
        (
            [[1.0], [1.0, 2.0]],
            {"dim": 2},
            r"'x' has vectors of another length than 2, such as 1, in 1 of 2 rows; set `dim`",
        ),
        (pa.array([[1, 2, 3]], pa.list_(pa.int8(), 3)), {"dim": 2}, "another length than 2, such as 3, in 1 of 1 rows"),
        ([[1.0]], {}, r"'x' is list.*; the spec says a scalar; set `dim`"),
        ([1.0], {"dim": 4}, "'x' is double; a scalar has `dim: 1`, and the spec says 4"),
        (["1"], {}, "'x' is string; declare it `kind: categorical`"),
        ([["a", "b"]], {"dim": 2}, r"'x' is list<.*string>; a dense vector is a list of numbers"),
        ([datetime.date(2020, 1, 1)], {}, "'x' is date32.*; write it as numbers when you write .*since 1970"),
        (
            [1.0, float("nan"), float("inf"), None],
            {},
            "'x' has NaN or infinite values in 2 of 4 rows; .*`dataset.non_fin",
        ),
        ([1e300], {}, r"'x' has values too large for float32 once standardized, such as 1e\+300, in 1 of 1 rows;"),
        ([1e300], {"normalize": "none"}, "too large for float32, such as"),
        ([1.0], {"default": 1e300}, r"default 1e\+300 is too large for float32, which holds numbers up to 3.4e\+38"),
    ],
)
def test_dense_refusals(column: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        dense(column, **options)


def test_non_finite_numbers_are_replaced_on_request() -> None:
    features = {"name": "x", "kind": "dense", "default": 2.0}, {"name": "v", "kind": "dense", "dim": 2, "default": 3.0}
    spec = spec_of(*features, non_finite="replace")
    rows = decode(spec, x=[float("-inf"), None, 1.0], v=[[1.0, float("nan")], [1.0, 2.0], None])
    assert rows.dense_ND.tolist() == [[2, 1, 3], [2, 1, 2], [1, 3, 3]]


def test_a_default_that_is_no_number_is_refused() -> None:
    with pytest.raises(SpecError, match="default: give a finite number"):
        dense([1.0], default=float("nan"))


def test_hashed_ints_are_taken_modulo() -> None:
    assert ids(pa.array([-1, 0, 9, 10, -10, 23, None], pa.int32())) == [9, 0, 9, 0, 0, 3, 10]
    assert ids(pa.array([2**64 - 1, 5], pa.uint64())) == [(2**64 - 1) % 10, 5]
    assert ids(pa.array([-(2**63), 2**63 - 1], pa.int64()), 2**40) == [-(2**63) % 2**40, (2**63 - 1) % 2**40]
    assert ids(pa.array([-128, 127], pa.int8()), 1000) == [872, 127]
    assert ids(pa.array([True, False, None]), default=13) == [1, 0, 3]
    assert ids(pa.array([3, None, 12]).dictionary_encode(), default=1) == [3, 1, 2]


def test_checked_ints_stay_as_they_are_or_are_refused() -> None:
    assert ids([0, 9, None], ids="checked", default=4) == [0, 9, 4]
    with pytest.raises(
        SpecError, match=r"'x': column 'x' has ids outside \[0, 10\), such as 10, in 2 of 3 rows; raise"
    ):
        ids([0, 10, 11], ids="checked")
    with pytest.raises(SpecError, match="such as -1, in 1 of 1 rows"):
        ids([-1], ids="checked")
    with pytest.raises(SpecError, match="`default` has id 10, outside"):
        ids([1], ids="checked", default=10)


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.binary_view(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_strings_are_hashed_by_their_bytes(kind: pa.DataType) -> None:
    plain = ["Käse", None, "", "Käse", "b"]
    column = pa.chunked_array([pa.array(part).cast(kind) for part in (plain[:2], plain[2:])])
    expected = [text_id(text, 1000) if text is not None else 5 for text in plain]
    assert ids(column, 1000, default=5) == expected
    assert ids(column, 1000, default="none")[1] == text_id("none", 1000)


def test_the_hash_of_a_string_never_changes() -> None:
    assert ids(["winnow"], 2**40) == [xxhash.xxh64(b"winnow", seed=0x57494E4E).intdigest() % 2**40]


def test_an_int_column_with_a_string_default() -> None:
    assert ids([3, None], 1000, default="missing") == [3, text_id("missing", 1000)]


@pytest.mark.parametrize(
    ("column", "options", "words"),
    [
        (["a"], {"ids": "checked"}, "'x' is string; `ids: checked` takes ints; set `ids: hashed`"),
        ([1.5], {}, "'x' is double; ids are integers or strings; cast it to .*, or declare it `kind: dense`"),
        ([[1]], {}, "'x' is list.*; the spec says one id per row; declare it `kind: multi_categorical`"),
        ([1], {"ids": "checked", "default": "none"}, "default 'none' is a string, and `ids: checked` takes ints"),
    ],
)
def test_id_refusals(column: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ids(column, **options)


@pytest.mark.parametrize("hashing", ["hashed", "checked"])
def test_null_is_an_id_of_its_own_unless_a_default_names_one(hashing: str) -> None:
    assert ids([0, 9, None], ids=hashing) == [0, 9, 10]
    assert ids(pa.array([7, None]).dictionary_encode(), ids=hashing) == [7, 10]
    assert ids(pa.nulls(2), ids=hashing) == [10, 10]
    assert ids([0, 9, None], ids=hashing, default=0) == [0, 9, 0]
    tables = [
        table.rows
        for default in ({}, {"default": 0})
        for table in tables_of(spec_of({"name": "x", "kind": "categorical", "hash_size": 10, **default}))
    ]
    assert tables == [11, 10]


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.list_view(pa.int64())])
def test_lists_with_empty_null_and_holes(kind: pa.DataType) -> None:
    column = pa.array([[99], [1, 12], [], None, [None, 3, None], [None]], kind)[1:]
    assert lists(column) == ([1, 2, 3], [2, 0, 0, 1, 0])
    assert lists(pa.array([[1], None, [], [25, -1]], kind)) == ([1, 5, 9], [1, 0, 0, 2])


def test_lists_of_strings_fixed_lists_and_nothing() -> None:
    assert lists([["a", "b"], ["a"]], 1000) == ([text_id(t, 1000) for t in "aba"], [2, 1])
    assert lists(pa.array([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2))) == ([1, 2, 3], [2, 0, 1])
    assert lists(pa.array([[], [], None])) == ([], [0, 0, 0])
    assert lists(pa.array([None, None])) == ([], [0, 0])


@pytest.mark.parametrize(
    ("column", "options", "words"),
    [
        ([1], {}, "'x' is int64; the spec says a list of ids; declare it `kind: categorical`"),
        (
            [[1, 10, 11], None, [12], [3]],
            {"ids": "checked"},
            r"'x' has ids outside \[0, 10\), such as 10, in 2 of 4 rows",
        ),
        ([["a"]], {"ids": "checked"}, "is string; `ids: checked` takes ints"),
        ([[1.5]], {}, "is list<.*double>; ids are integers or strings; in its lists, cast it to integers or strings"),
        ([[[1]]], {}, "is list.*; ids are integers or strings; write one flat list of integers or strings a row"),
    ],
)
def test_list_refusals(column: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        lists(column, **options)


@pytest.mark.parametrize("column", [[True, False], pa.array([1, 0], pa.int8()), [1.0, 0.0]])
def test_labels(column: Any) -> None:
    rows = decode(spec_of({"name": "x", "kind": "dense"}), x=[1, 2], label=column)
    assert rows.label_N.tolist() == [1.0, 0.0]
    assert rows.label_N.dtype == np.float32
    assert rows.weight_N.tolist() == [1.0, 1.0]
    assert rows.group_N.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([0, 2], "'label' has values other than 0 and 1, such as 2, in 1 of 2 rows; a label is 0 or 1"),
        ([0.0, 0.5], "such as 0.5, in 1 of 2 rows; "),
        ([float("nan"), 1.0], "such as nan, in 1 of 2 rows; "),
        ([1, None], "'label' has nulls in 1 of 2 rows; fill them"),
        (["0", "1"], "'label' is string; write it as 0 and 1"),
    ],
)
def test_label_refusals(column: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        decode(spec_of({"name": "x", "kind": "dense"}), x=[1, 2], label=column)


def test_groups() -> None:
    spec = spec_of({"name": "x", "kind": "dense"}, group="who")
    assert decode(spec, x=[1, 2, 3], who=[5, None, -(2**40)]).group_N.tolist() == [5, NULL_GROUP, -(2**40)]
    unsigned = decode(spec, x=[1, 2], who=pa.array([2**64 - 1, None], pa.uint64()))
    assert unsigned.group_N.tolist() == [-1, NULL_GROUP]
    first, null, again, other = decode(spec, x=[1] * 4, who=["a", None, "a", "b"]).group_N.tolist()
    assert first == again != other
    assert null == NULL_GROUP
    with pytest.raises(SpecError, match="'who' is double; a group is an int or a string"):
        decode(spec, x=[1], who=[0.5])


def test_weights() -> None:
    spec = spec_of({"name": "x", "kind": "dense"}, weight="w")
    assert decode(spec, x=[1, 2], w=[0, 3]).weight_N.tolist() == [0.0, 3.0]
    for bad in ([-1.0], [float("inf")], [None]):
        with pytest.raises(SpecError, match=r"'w' has .*; a weight is a finite number"):
            decode(spec, x=[1], w=pa.array(bad, pa.float64()))


def test_a_column_may_serve_twice() -> None:
    spec = spec_of(
        {"name": "age", "kind": "dense"},
        {"name": "age_id", "column": "age", "kind": "categorical", "hash_size": 100},
        group="age",
    )
    assert Decoder(spec).columns == ["age", "label"]
    rows = decode(spec, age=[20, 30])
    assert (rows.dense_ND[:, 0].tolist(), rows.ids_SN[0].tolist(), rows.group_N.tolist()) == ([20, 30],) * 3
