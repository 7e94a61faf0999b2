"""Sources: which files and rows they expose, and what they refuse."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from trainers.data.source import Source, open_split
from trainers.data.splits import SPLITS, split_of_rows, splitmix64
from trainers.spec import DatasetSpec, SpecError, SplitSpec


def write(path: Path, start: int, stop: int, group: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number = np.arange(start, stop)
    pq.write_table(pa.table({"number": number, "twice": number * 2}), path, row_group_size=group)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Rows 0…99 over three files of unequal row groups, among files that aren't data."""
    root = tmp_path / "data"
    write(root / "a.parquet", 0, 37, 10)
    write(root / "b" / "part-0.parquet", 37, 40, 10)
    write(root / "b" / "part-1.parquet", 40, 100, 25)
    write(root / "_temporary" / "x.parquet", 500, 510, 10)
    write(root / "b" / ".hidden.parquet", 600, 610, 10)
    (root / "_SUCCESS").touch()
    (root / "notes.txt").write_text("not data")
    return root


def numbers(source: Source, start: int = 0, stop: int | None = None) -> list[int]:
    table = source.read(["number"], start, source.rows if stop is None else stop)
    return table.column("number").to_pylist()


def test_a_directory_is_read_in_order_without_hidden_files(data: Path) -> None:
    assert numbers(Source.open(str(data))) == list(range(100))


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (9, 11), (36, 41), (37, 40), (99, 100), (100, 100)])
def test_any_range_of_rows(data: Path, start: int, stop: int) -> None:
    assert numbers(Source.open(str(data)), start, stop) == list(range(start, stop))


def test_only_row_groups_of_the_range_are_read(data: Path, groups_read: list[tuple[str, list[int]]]) -> None:
    assert numbers(Source.open(str(data)), 29, 38) == list(range(29, 38))
    assert groups_read == [("a.parquet", [2]), ("a.parquet", [3]), ("part-0.parquet", [0])]


def test_columns_come_in_the_order_asked_for(data: Path) -> None:
    assert Source.open(str(data)).read(["twice", "number"], 0, 1).column_names == ["twice", "number"]


def test_a_column_whose_name_has_a_dot_is_not_read_with_its_prefix(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "a.b": [2]}), tmp_path / "x.parquet")
    source = Source.open(str(tmp_path))
    assert source.read(["a"], 0, 1).column_names == ["a"]
    assert source.read(["a.b"], 0, 1).to_pylist() == [{"a.b": 2}]


def test_a_file_a_uri_and_a_given_filesystem(data: Path) -> None:
    assert numbers(Source.open(str(data / "a.parquet"))) == list(range(37))
    assert numbers(Source.open(data.as_uri())) == list(range(100))
    assert numbers(Source.open("b", fs.SubTreeFileSystem(str(data), fs.LocalFileSystem()))) == list(range(37, 100))


def test_a_directory_without_parquet_a_missing_one_and_a_strange_scheme_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match=r"holds no \*\.parquet file; write"):
        Source.open(str(tmp_path / "empty"))
    with pytest.raises(SpecError, match="doesn't exist; give"):
        Source.open(str(tmp_path / "absent"))
    with pytest.raises(SpecError, match="'nowhere://x' names no filesystem"):
        Source.open("nowhere://x")


def test_a_file_that_is_not_parquet_is_named(data: Path) -> None:
    (data / "c.parquet").write_text("nonsense")
    with pytest.raises(SpecError, match=r"c\.parquet' can't be read as Parquet"):
        Source.open(str(data))


def test_a_missing_column_is_named_with_its_neighbours_and_the_file(data: Path) -> None:
    pq.write_table(pa.table({"number": [1]}), data / "z.parquet")
    with pytest.raises(SpecError, match=r"'numbr' is missing from .*a\.parquet; near it are 'number'"):
        Source.open(str(data)).require(["numbr"])
    with pytest.raises(SpecError, match=r"'twice' is missing from .*z\.parquet"):
        Source.open(str(data)).require(["number", "twice"])


def test_files_may_differ_in_the_width_of_a_number_and_not_in_its_kind(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": pa.array([1], pa.int32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"number": pa.array([2], pa.int64())}), tmp_path / "b.parquet")
    assert numbers(Source.open(str(tmp_path))) == [1, 2]
    pq.write_table(pa.table({"number": ["three"]}), tmp_path / "c.parquet")
    with pytest.raises(SpecError, match=r"'number' is int32 in \S*a.parquet and int64 in \S*b.parquet and str"):
        numbers(Source.open(str(tmp_path)))


WORDS = ["a", "b", None]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (pa.array(WORDS), pa.array(WORDS).dictionary_encode(), [b"a", b"b", None] * 2),
        (pa.array(WORDS, pa.string_view()), pa.array(WORDS, pa.large_string()), [b"a", b"b", None] * 2),
        (pa.array([b"aa"], pa.binary(2)), pa.array([b"aa"], pa.binary_view()), [b"aa", b"aa"]),
        (pa.array([True, False]), pa.array([7], pa.int8()), [1, 0, 7]),
        (pa.array([2**63 - 1], pa.uint64()), pa.array([-1]), [2**63 - 1, -1]),
        (pa.nulls(2), pa.array([7]), [None, None, 7]),
        (pa.array([1, 2**60 + 1]), pa.array([0.5], pa.float32()), [1.0, 2.0**60, 0.5]),
        (pa.array([[1]], pa.list_(pa.int32())), pa.array([[2, 3]], pa.list_view(pa.int64())), [[1], [2, 3]]),
        (pa.array([[0.5, 1.0]], pa.list_(pa.float32(), 2)), pa.array([[2.0]]), [[0.5, 1.0], [2.0]]),
        (
            pa.array([["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
            pa.array([["b"], None]),
            [[b"a"], [b"b"], None],
        ),
    ],
)
def test_columns_of_one_meaning_are_read_as_one(
    tmp_path: Path, first: pa.Array, second: pa.Array, expected: list[object]
) -> None:
    for name, column in (("a", first), ("b", second)):
        pq.write_table(pa.table({"x": column}), tmp_path / f"{name}.parquet")
    source = Source.open(str(tmp_path))
    assert source.read(["x"], 0, source.rows).column("x").to_pylist() == expected


def test_integers_that_no_type_holds_together_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([2**63 + 1], pa.uint64())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": pa.array([-1])}), tmp_path / "b.parquet")
    with pytest.raises(SpecError, match=r"'x' is int64 in \S*b.parquet and uint64 in \S*a.parquet"):
        Source.open(str(tmp_path)).read(["x"], 0, 2)


def test_splitmix64_is_the_published_one() -> None:
    states = [(1234567 + step * 0x9E3779B97F4A7C15) % 2**64 for step in range(3)]
    out = splitmix64(np.array(states, np.uint64)).tolist()
    assert out == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_splits_divide_the_rows_without_overlap_at_any_cut(data: Path) -> None:
    spec = DatasetSpec(train=str(data), splits=SplitSpec(validation=0.2, test=0.1, seed=3))
    sources = {split: open_split(spec, split) for split in SPLITS}
    found = {split: numbers(source) for split, source in sources.items()}
    assert sorted(number for part in found.values() for number in part) == list(range(100))
    expected = split_of_rows(0, 100, spec.splits or SplitSpec())
    for position, split in enumerate(SPLITS):
        assert found[split] == np.flatnonzero(expected == position).tolist()
        assert sources[split].rows == len(found[split]) > 0
        middle = sources[split].rows // 2
        assert numbers(sources[split], 1, middle) == found[split][1:middle]


def test_splits_have_their_shares_and_follow_the_seed() -> None:
    def shares(seed: int) -> np.ndarray:  # type: ignore[type-arg]
        return split_of_rows(0, 100_000, SplitSpec(validation=0.2, test=0.1, seed=seed))

    counts = np.bincount(shares(0), minlength=3) / 100_000
    assert np.allclose(counts, [0.7, 0.2, 0.1], atol=0.005)
    assert (shares(0) == shares(0)).all()
    assert (shares(0) != shares(1)).mean() > 0.3
    assert (split_of_rows(500, 600, SplitSpec(seed=-1)) == split_of_rows(0, 600, SplitSpec(seed=-1))[500:]).all()


def test_a_fingerprint_follows_the_content(data: Path) -> None:
    before = Source.open(str(data)).files.fingerprint()
    assert before == Source.open(data.as_uri()).files.fingerprint()
    write(data / "a.parquet", 0, 38, 10)
    assert before != Source.open(str(data)).files.fingerprint()


def test_a_range_outside_is_a_programmers_error(data: Path) -> None:
    with pytest.raises(IndexError):
        Source.open(str(data)).read(["number"], 90, 101)


@pytest.mark.parametrize("kind", [pa.string_view(), pa.list_(pa.string_view()), pa.binary_view(), pa.string()])
def test_a_split_has_the_rows_of_every_text_type(tmp_path: Path, kind: pa.DataType) -> None:
    texts = [str(at) for at in range(100)]
    values = [[text] for text in texts] if pa.types.is_list(kind) else texts
    pq.write_table(pa.table({"text": pa.array(values, kind)}), tmp_path / "x.parquet")
    dataset = DatasetSpec(train=str(tmp_path / "x.parquet"), splits=SplitSpec(), label="text")
    found = [row for split in SPLITS for row in open_split(dataset, split).read(["text"], 0, 5).column(0).to_pylist()]
    plain = [row if isinstance(row, str | list) else row.decode() for row in found]
    assert len(plain) == 15
    assert all(row in values for row in plain)


def test_whole_groups_of_a_file_are_read_in_one_call(data: Path, groups_read: list[tuple[str, list[int]]]) -> None:
    assert numbers(Source.open(str(data)), 5, 70) == list(range(5, 70))
    a, *parts = [("a.parquet", [0]), ("a.parquet", [1, 2, 3])], ("part-0.parquet", [0]), ("part-1.parquet", [0])
    assert groups_read == [*a, *parts, ("part-1.parquet", [1])]
