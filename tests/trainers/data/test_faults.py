"""Files that are damaged, replaced or gone are faults of the data, and named; the machine's faults stay its own."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from trainers.data.decode import Decoder
from trainers.data.files import ParquetFiles
from trainers.data.loader import Loader
from trainers.data.source import Source
from trainers.spec import SpecError, parse_spec

SPEC = parse_spec({"dataset": {"train": "x", "splits": {}}, "features": [{"name": "x", "kind": "dense"}]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "a.parquet", 0.0)
    return tmp_path / "a.parquet"


def write(path: Path, first: float, rows: int = 64) -> None:
    table = pa.table({"x": first + np.arange(rows), "label": np.arange(rows) % 2})
    pq.write_table(table, path, write_page_checksum=True)


def damage_header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = bytes(content).index(np.float64(17.0).tobytes())
    content[at + 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_header, flip_a_bit])
@pytest.mark.parametrize("filesystem", [None, fs.SubTreeFileSystem("/", fs.LocalFileSystem())])
def test_damaged_pages_name_their_file(
    path: Path, damage: Callable[[Path], None], filesystem: fs.FileSystem | None
) -> None:
    pq.write_table(pq.read_table(path), path, write_page_checksum=True, use_dictionary=False, compression="none")
    damage(path)
    source = Source.open(str(path), filesystem)
    with pytest.raises(SpecError, match=r"a\.parquet' can't be read as Parquet \(.*\); write it anew"):
        source.read(["x"], 0, 64)


def test_a_batch_of_a_damaged_file_is_the_datas_fault(path: Path) -> None:
    damage_header(path)
    with pytest.raises(SpecError, match=r"a\.parquet' can't be read"):
        list(Loader(Source.open(str(path)), Decoder(SPEC), batch_size=8).epoch())


def test_a_file_deleted_while_it_is_read_is_named(path: Path) -> None:
    source = Source.open(str(path))
    path.unlink()
    with pytest.raises(SpecError, match=r"a\.parquet' was deleted or moved while it was read"):
        source.read(["x"], 0, 64)


@pytest.mark.parametrize("rows", [64, 640, 8])
def test_a_file_replaced_while_it_is_read_is_named_whatever_it_holds_now(path: Path, rows: int) -> None:
    """Of the same layout too, which the old footer would read without a complaint."""
    source = Source.open(str(path))
    write(path.with_name("new"), 100.0, rows)
    path.with_name("new").rename(path)
    with pytest.raises(SpecError, match=r"a\.parquet' was written anew while it was read"):
        source.read(["x"], 0, 64)


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (OSError(errno.EIO, "Input/output error"), OSError, r"a\.parquet: .*Input/output error"),
        (OSError(errno.EMFILE, "Too many open files"), OSError, r"a\.parquet: "),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            SpecError,
            r"a\.parquet' may not be read .* give this user",
        ),
        (MemoryError("malloc of size 64 failed"), MemoryError, "malloc"),
    ],
)
def test_faults_of_the_machine_stay_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception], words: str
) -> None:
    def fail(*_: object) -> pa.Table:
        raise error

    monkeypatch.setattr(ParquetFiles, "_read", fail)
    with pytest.raises(expected, match=words) as raised:
        Source.open(str(path)).read(["x"], 0, 64)
    assert isinstance(raised.value, SpecError) is (expected is SpecError)


def test_a_connection_that_breaks_once_is_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, failures = ParquetFiles._read, [OSError("AWS Error NETWORK_CONNECTION")]

    def fail_once(self: ParquetFiles, *arguments: object) -> pa.Table:
        if failures:
            raise failures.pop()
        return original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ParquetFiles, "_read", fail_once)
    remote = fs.SubTreeFileSystem("/", fs.LocalFileSystem())
    assert Source.open(str(path), remote).read(["x"], 0, 64).num_rows == 64
