"""What a directory means: each file once, what is left out told, tables of other formats refused."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from trainers.data.checks.check import check
from trainers.data.files import ParquetFiles
from trainers.data.source import Source
from trainers.spec import SpecError, parse_spec


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two days, five rows each."""
    for day in (1, 2):
        path = tmp_path / "train" / f"day=0{day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"x": list(range(10 * day, 10 * day + 5))}), path)
    return tmp_path / "train"


def rows(root: Path) -> list[int]:
    source = Source.open(str(root))
    return source.read(["x"], 0, source.rows).column("x").to_pylist()  # type: ignore[no-any-return]


EXPECTED = [10, 11, 12, 13, 14, 20, 21, 22, 23, 24]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("latest", "day=02"),
        ("current", "."),
        ("up", ".."),
        ("day=01/inner", "../day=02"),
        ("a.parquet", "day=01/part.parquet"),
        ("day=00", "day=01"),
    ],
)
def test_what_links_lead_to_again_is_read_once(root: Path, link: str, target: str) -> None:
    (root / link).symlink_to(target)
    assert rows(root) == EXPECTED
    (line,) = ParquetFiles.find(str(root)).left_out
    assert f"holds links to what is read already, or to a folder around them: {link}; read once" in line


def test_hard_links_are_read_once_and_pipes_are_not_read(root: Path) -> None:
    os.link(root / "day=01" / "part.parquet", root / "z.parquet")
    os.mkfifo(root / "p.parquet")
    assert sorted(rows(root)) == EXPECTED
    pipe, again = ParquetFiles.find(str(root)).left_out
    assert "holds pipes, sockets or devices, which aren't read: p.parquet;" in pipe
    assert "holds links to what is read already" in again


def test_links_to_folders_and_files_elsewhere_are_followed(root: Path) -> None:
    elsewhere = root.parent / "elsewhere"
    shutil.copytree(root / "day=01", elsewhere / "day=03")
    shutil.copy(root / "day=02" / "part.parquet", elsewhere / "one.parquet")
    (root / "day=03").symlink_to(elsewhere / "day=03")
    (root / "last.parquet").symlink_to(elsewhere / "one.parquet")
    assert rows(root) == [*EXPECTED, *EXPECTED[:5], *EXPECTED[5:]]
    assert ParquetFiles.find(str(root)).left_out == ()


def test_what_is_not_read_is_told_and_what_marks_nothing_is_not(root: Path) -> None:
    part = root / "day=01" / "part.parquet"
    for name in ("b.PARQUET", "c.parq", "d.pq", "part-00004", "e.parquet.gz", "f.parquet_1"):
        shutil.copy(part, root / name)
    (root / "_day=2024-01-01").mkdir()
    shutil.copy(part, root / "_day=2024-01-01" / "g.parquet")
    (root / "h.parquet").symlink_to("gone.parquet")
    for name in ("_SUCCESS", "_metadata", ".part.parquet.crc", ".DS_Store"):
        (root / name).touch()
    misnamed, hidden, dangling = ParquetFiles.find(str(root)).left_out
    assert "aren't read: b.PARQUET, c.parq, d.pq, e.parquet.gz, f.parquet_1 and 1 more; rename" in misnamed
    assert "aren't read: _day=2024-01-01 (1 files); rename" in hidden
    assert "lead nowhere: h.parquet; mend" in dangling
    assert rows(root) == EXPECTED


def test_a_directory_without_data_says_what_it_has_instead(tmp_path: Path) -> None:
    (tmp_path / "a.PARQUET").touch()
    with pytest.raises(SpecError, match=r"holds no \*.parquet file; .* aren't read: a.PARQUET"):
        ParquetFiles.find(str(tmp_path))


def delta(root: Path) -> None:
    (root / "_delta_log").mkdir()
    (root / "_delta_log" / "0.json").write_text(json.dumps({"remove": {"path": "day=01/part.parquet"}}))


def hudi(root: Path) -> None:
    (root / ".hoodie").mkdir()


def iceberg(root: Path) -> None:
    (root / "metadata").mkdir()
    (root / "metadata" / "v1.metadata.json").touch()


def around(root: Path) -> None:
    (root.parent / "metadata").mkdir()
    (root.parent / "metadata" / "v1.metadata.json").touch()


@pytest.mark.parametrize("filesystem", [None, fs.SubTreeFileSystem("/", fs.LocalFileSystem())])
@pytest.mark.parametrize(
    ("make", "below", "words"),
    [
        (delta, "", "belongs to a table of Delta"),
        (delta, "day=01", "belongs to a table of Delta"),
        (delta, "..", "'train' below .* belongs to a table of Delta"),
        (hudi, "", "belongs to a table of Hudi"),
        (iceberg, "", "belongs to a table of Iceberg"),
        (iceberg, "day=02", "belongs to a table of Iceberg"),
    ],
)
def test_tables_of_other_formats_are_refused(
    root: Path, filesystem: fs.FileSystem | None, make: Callable[[Path], None], below: str, words: str
) -> None:
    make(root)
    with pytest.raises(SpecError, match=words):
        ParquetFiles.find(str((root / below).resolve()), filesystem)


def test_the_data_folder_of_an_iceberg_table_is_refused(root: Path) -> None:
    around(root)
    assert rows(root) == EXPECTED
    with pytest.raises(SpecError, match="table of Iceberg"):
        ParquetFiles.find(str(root.rename(root.parent / "data")))


def test_a_column_that_is_a_folders_name_is_told(root: Path) -> None:
    with pytest.raises(SpecError, match=r"'day' is missing from .*: it stands in the folder's name"):
        Source.open(str(root)).require(["day"])


@pytest.mark.parametrize(
    ("train", "validation", "test", "words"),
    [
        (
            ".",
            "validation",
            "test",
            [r"train and dataset\.validation both read .*a.parquet:", r"train and dataset\.test"],
        ),
        ("train", "train", "train", ["train and", "train and", r"validation and dataset\.test both read"]),
        ("train", "validation", "validation/a.parquet", [r"validation and dataset\.test both .*chosen on rows"]),
        ("train", "validation", "alias", ["train and dataset.test"]),
        ("train", "validation", "test", []),
    ],
)
def test_files_in_two_splits_are_a_warning(
    tmp_path: Path, train: str, validation: str, test: str, words: list[str]
) -> None:
    for split in ("train", "validation", "test"):
        (tmp_path / split).mkdir()
        pq.write_table(pa.table({"x": [0.5, 1.5] * 8, "label": [0, 1] * 8}), tmp_path / split / "a.parquet")
    (tmp_path.parent / f"{tmp_path.name}-alias").symlink_to(tmp_path / "train")
    places = {"alias": str(tmp_path.parent / f"{tmp_path.name}-alias")}
    named = {"train": train, "validation": validation, "test": test}
    dataset = {split: places.get(name, str(tmp_path / name)) for split, name in named.items()}
    spec = {"dataset": dataset, "features": [{"name": "x", "kind": "dense"}], "training": {"batch_size": 4}}
    found = [line for line in check(parse_spec(spec)).warnings if " both read " in line]
    assert len(found) == len(words)
    for line, expected in zip(found, words, strict=True):
        assert re.search(expected, line), line


@pytest.mark.parametrize("put", [os.link, shutil.copy, shutil.copy2])
def test_rows_of_another_split_are_told_whatever_the_kind_of_copy(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        (tmp_path / split).mkdir()
        table = pa.table({"x": [0.5 + number, 1.5] * 8, "label": [0, 1] * 8})
        pq.write_table(table, tmp_path / split / "a.parquet")
    dataset = {split: str(tmp_path / split) for split in ("train", "validation", "test")}
    features = [{"name": "x", "kind": "dense"}]
    spec = parse_spec({"dataset": dataset, "features": features, "training": {"batch_size": 4}})

    def told() -> list[str]:
        return [line for line in check(spec).warnings if "measured by" in line or "count twice" in line]

    assert told() == []
    put(tmp_path / "train" / "a.parquet", tmp_path / "test" / "b.parquet")
    (line,) = told()
    assert line.startswith("dataset.train and dataset.test ")
    assert "test/b.parquet: the model would be trained on rows that it is measured by" in line
    if put is not os.link:
        shutil.copy(tmp_path / "validation" / "a.parquet", tmp_path / "validation" / "c.parquet")
        repeated, _ = told()
        assert re.search("dataset.validation: .*c.parquet is a copy of .*a.parquet: their rows count twice", repeated)
