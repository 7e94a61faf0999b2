"""Parquet files at a path or URI, and the row groups in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from trainers.spec import SpecError

OPEN_THREADS = 16  # footers of remote files wait for the network


@dataclass(frozen=True, kw_only=True)
class ParquetPart:
    """One Parquet file, its footer read."""

    path: str
    metadata: pq.FileMetaData
    schema: pa.Schema

    @property
    def group_rows(self) -> list[int]:
        """Rows of each row group."""
        return [self.metadata.row_group(group).num_rows for group in range(self.metadata.num_row_groups)]


@dataclass(frozen=True, kw_only=True)
class ParquetFiles:
    """The files of one data set, ordered by path."""

    uri: str
    filesystem: fs.FileSystem
    parts: tuple[ParquetPart, ...]

    @classmethod
    def find(cls, uri: str, filesystem: fs.FileSystem | None = None) -> ParquetFiles:
        """Open a file, a directory (recursively, its `*.parquet`) or a pyarrow filesystem URI.

        Below a directory, files and folders whose name starts with `_` or `.` are skipped, as Hadoop and Spark do.

        Args:
            uri: local path or URI; a path within `filesystem` where that is given.
            filesystem: read from here instead of the filesystem `uri` names.

        Raises:
            SpecError: nothing there, no Parquet file below, or a file that isn't Parquet.
        """
        filesystem, path = (filesystem, uri) if filesystem else _resolve(uri)
        paths = _list(uri, filesystem, path)
        with ThreadPoolExecutor(min(OPEN_THREADS, len(paths))) as pool:
            parts = tuple(pool.map(lambda name: _open(filesystem, name), paths))
        return cls(uri=uri, filesystem=filesystem, parts=parts)

    @property
    def schema(self) -> pa.Schema:
        """The first file's schema."""
        return self.parts[0].schema

    def fingerprint(self) -> str:
        """SHA-256 of every file's name, size of each row group and schema: changes when the data is written anew."""
        digest = hashlib.sha256()
        for part in self.parts:
            sizes = [part.metadata.row_group(g).total_byte_size for g in range(part.metadata.num_row_groups)]
            columns = [f"{field.name}:{field.type}" for field in part.schema]
            digest.update(repr((Path(part.path).name, part.group_rows, sizes, columns)).encode())
        return digest.hexdigest()

    def read(self, part: ParquetPart, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Columns of some row groups of one file, in their order."""
        with (
            self.filesystem.open_input_file(part.path) as stream,
            pq.ParquetFile(stream, metadata=part.metadata, pre_buffer=True) as file,
        ):
            return file.read_row_groups(list(groups), columns=list(columns)).select(list(columns))


def _resolve(uri: str) -> tuple[fs.FileSystem, str]:
    if "://" not in uri:
        return fs.LocalFileSystem(), str(Path(uri).absolute())
    try:
        return fs.FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SpecError(
            f"dataset: {uri!r} names no filesystem that pyarrow can open ({error}); "
            "give a local path, or a URI such as s3://bucket/path, gs://…, hdfs://… or file:///…"
        ) from None


def _list(uri: str, filesystem: fs.FileSystem, path: str) -> list[str]:
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.File:
            return [path]
        if info.type == fs.FileType.NotFound:
            raise SpecError(f"dataset: {uri!r} doesn't exist; give a Parquet file, or a directory of them")
        below = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    except OSError as error:
        raise SpecError(f"dataset: {uri!r} can't be read ({error}); check the path and the credentials") from None
    paths = sorted(found.path for found in below if found.type == fs.FileType.File and _is_data(found.path, path))
    if not paths:
        raise SpecError(f"dataset: {uri!r} holds no *.parquet file; write the rows there, or give another directory")
    return paths


def _is_data(path: str, base: str) -> bool:
    names = path.removeprefix(base).strip("/").split("/")
    return path.endswith(".parquet") and not any(name.startswith(("_", ".")) for name in names)


def _open(filesystem: fs.FileSystem, path: str) -> ParquetPart:
    try:
        with filesystem.open_input_file(path) as stream, pq.ParquetFile(stream) as file:
            return ParquetPart(path=path, metadata=file.metadata, schema=file.schema_arrow)
    except (pa.ArrowInvalid, OSError) as error:
        raise SpecError(
            f"dataset: {path!r} can't be read as Parquet ({error}); write it anew, or take it out of the directory"
        ) from None
