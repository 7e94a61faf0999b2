"""Parquet files at a path or URI, and the row groups in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from trainers.data.faults import explain, find_change
from trainers.data.listing import FoundFile, list_files
from trainers.spec import SpecError

OPEN_THREADS = 16  # footers of remote files wait for the network
REMOTE_TRIES = 2  # a connection may break once


@dataclass(frozen=True, kw_only=True)
class ParquetPart:
    """One Parquet file, its footer read."""

    file: FoundFile
    metadata: pq.FileMetaData
    schema: pa.Schema

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def group_rows(self) -> list[int]:
        """Rows of each row group."""
        return [self.metadata.row_group(group).num_rows for group in range(self.metadata.num_row_groups)]


@dataclass(frozen=True, kw_only=True)
class ParquetFiles:
    """The files of one data set, ordered by path; `left_out` says what its directory holds beside them."""

    uri: str
    filesystem: fs.FileSystem
    parts: tuple[ParquetPart, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def find(cls, uri: str, filesystem: fs.FileSystem | None = None) -> ParquetFiles:
        """Open a file, a directory (see `list_files`) or a pyarrow filesystem URI.

        Args:
            uri: local path or URI; a path within `filesystem` where that is given.
            filesystem: read from here instead of the filesystem `uri` names.

        Raises:
            SpecError: nothing there, no Parquet file below, a table of another format, or a file that isn't Parquet.
        """
        filesystem, path = (filesystem, uri) if filesystem else resolve(uri)
        listing = list_files(uri, filesystem, path)
        return replace(cls.open(uri, filesystem, listing.files), left_out=listing.left_out)

    @classmethod
    def open(cls, uri: str, filesystem: fs.FileSystem, files: Sequence[FoundFile]) -> ParquetFiles:
        """Read the footers of one or more files of a data set. Raises as `find` does."""
        with ThreadPoolExecutor(min(OPEN_THREADS, len(files))) as pool:
            parts = tuple(pool.map(lambda file: _open(filesystem, file), files))
        return cls(uri=uri, filesystem=filesystem, parts=parts)

    @property
    def schema(self) -> pa.Schema:
        """The first file's schema."""
        return self.parts[0].schema

    def fingerprint(self) -> str:
        """SHA-256 of every file's name, schema, and sizes of file, footer and row groups.

        Changes when the data is written anew; nothing but footers is read for it.
        """
        digest = hashlib.sha256()
        for part in self.parts:
            sizes = [part.metadata.row_group(g).total_byte_size for g in range(part.metadata.num_row_groups)]
            columns = [f"{field.name}:{field.type}" for field in part.schema]
            file = (Path(part.path).name, part.file.size, part.metadata.serialized_size)
            digest.update(repr((file, part.group_rows, sizes, columns)).encode())
        return digest.hexdigest()

    def read(
        self, part: ParquetPart, groups: Sequence[int], columns: Sequence[str], most: int | None = None
    ) -> pa.Table:
        """Columns of some row groups of one file, in their order; `most` is of how many rows, None of all.

        Raises:
            SpecError: the file is damaged, or was replaced or deleted since its footer was read.
            OSError: the machine or the network failed; the message names the file.
        """
        tries = 1 if isinstance(self.filesystem, fs.LocalFileSystem) else REMOTE_TRIES
        while True:
            try:
                table = self._read(part, groups, columns, most)
                break
            except MemoryError:  # Arrow's own is an ArrowException too.
                raise
            except (pa.ArrowException, OSError) as error:
                tries -= 1
                if not tries:
                    raise explain(error, self.filesystem, part.file) from error
        if change := find_change(self.filesystem, part.file):
            raise change
        return table

    def _read(self, part: ParquetPart, groups: Sequence[int], columns: Sequence[str], most: int | None) -> pa.Table:
        with (
            self.filesystem.open_input_file(part.path) as stream,
            pq.ParquetFile(stream, metadata=part.metadata, pre_buffer=True, page_checksum_verification=True) as file,
        ):
            if most is None:
                return file.read_row_groups(list(groups), columns=list(columns)).select(list(columns))
            batches, rows = [], 0
            for batch in file.iter_batches(most, row_groups=list(groups), columns=list(columns)):
                batches.append(batch)
                rows += batch.num_rows
                if rows >= most:
                    break
            return pa.Table.from_batches(batches).slice(0, most).select(list(columns))


def resolve(uri: str) -> tuple[fs.FileSystem, str]:
    if "://" not in uri:
        return fs.LocalFileSystem(), str(Path(uri).absolute())
    try:
        return fs.FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SpecError(
            f"dataset: {uri!r} names no filesystem that pyarrow can open ({error}); "
            "give a local path, or a URI such as s3://bucket/path, gs://…, hdfs://… or file:///…"
        ) from None


def _open(filesystem: fs.FileSystem, file: FoundFile) -> ParquetPart:
    try:
        with filesystem.open_input_file(file.path) as stream, pq.ParquetFile(stream) as opened:
            return ParquetPart(file=file, metadata=opened.metadata, schema=opened.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        raise explain(error, filesystem, file) from error
