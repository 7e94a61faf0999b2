"""Source: numbered rows over Parquet, all of them or those of one split."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

from trainers.data.columns import take_rows
from trainers.data.files import ParquetFiles, ParquetPart
from trainers.data.splits import SPLITS, SplitName, split_of_rows
from trainers.data.types import cast_alike, type_problems
from trainers.spec import DatasetSpec, SpecError, SplitSpec


class Source:
    """Rows 0 … rows−1 of a data set, read by number.

    The files are ordered by path and their row groups by position, so that a row has the same number in every
    process. With `splits`, the source exposes the rows of one split only, numbered anew from 0 in that order.

    Args:
        files: the data set.
        split: which rows to expose, under `splits`.
        splits: how rows are cut out of `files`; None exposes them all.
        depth: of each row group, how many of its first rows to expose: others aren't decoded. None exposes them all;
            with `splits` it must be None.
    """

    def __init__(
        self,
        files: ParquetFiles,
        split: SplitName = "train",
        splits: SplitSpec | None = None,
        depth: int | None = None,
    ) -> None:
        assert splits is None or depth is None
        self.files, self.split, self.splits, self._depth = files, split, splits, depth
        self._groups: list[tuple[ParquetPart, int]] = []
        sizes: list[int] = []
        for part in files.parts:
            for group, rows in enumerate(part.group_rows):
                self._groups.append((part, group))
                sizes.append(rows if depth is None else min(rows, depth))
        self._file_starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._starts = self._own_starts()
        self._last: tuple[int, tuple[str, ...], pa.Table] | None = None

    @classmethod
    def open(cls, uri: str, filesystem: fs.FileSystem | None = None) -> Source:
        """Every row at a path or URI; see `ParquetFiles.find`. Raises SpecError."""
        return cls(ParquetFiles.find(uri, filesystem))

    @property
    def rows(self) -> int:
        return int(self._starts[-1])

    @property
    def uri(self) -> str:
        """Where the rows are, for messages."""
        return f"{self.files.uri} ({self.split} split)" if self.splits else self.files.uri

    def lacking(self, columns: Iterable[str]) -> list[str]:
        """The columns that a file lacks, or has more than once."""
        counts = [Counter(part.schema.names) for part in self.files.parts]
        return [column for column in dict.fromkeys(columns) if any(count[column] != 1 for count in counts)]

    def require(self, columns: Sequence[str]) -> None:
        """Raises SpecError where a file lacks a column, naming those whose name is near, or has it twice."""
        for part in self.files.parts:
            count = Counter(part.schema.names)
            for column in columns:
                if count[column] > 1:
                    raise SpecError(
                        f"column {column!r} stands {count[column]} times in {part.path}, and which one is meant can't "
                        "be told; write it once, or give each its own name"
                    )
                if not count[column]:
                    raise SpecError(_missing(column, part))

    def read(self, columns: Sequence[str], start: int, stop: int) -> pa.Table:
        """Columns of rows [start, stop). Touches the row groups that hold them and no other.

        Raises:
            IndexError: the range doesn't lie within 0 … rows.
            SpecError: files whose columns have types that don't fit together.
        """
        pieces = list(self.pieces(columns, start, stop))
        return _concatenate([piece for piece, _ in pieces], columns, [path for _, path in pieces], self.files)

    def read_ranges(self, columns: Sequence[str], ranges: Iterable[tuple[int, int]]) -> pa.Table:
        """Columns of several ranges of rows, one after another. Copied: no row group stays in memory for a few rows of
        it.

        Raises:
            IndexError: a range doesn't lie within 0 … rows.
            SpecError: files whose columns have types that don't fit together.
        """
        pieces, paths = [], []
        for start, stop in ranges:
            for piece, path in self.pieces(columns, start, stop):
                pieces.append(take_rows(piece, np.arange(piece.num_rows)))
                paths.append(path)
        return _concatenate(pieces, columns, paths, self.files)

    @property
    def group_ranges(self) -> list[tuple[int, int]]:
        """The rows of each row group that has some, as ranges."""
        starts = self._starts.tolist()
        return [(start, stop) for start, stop in pairwise(starts) if stop > start]

    def pieces(self, columns: Sequence[str], start: int, stop: int) -> Iterator[tuple[pa.Table, str]]:
        """Columns of rows [start, stop) by row group, or of neighbouring whole ones of a file, and the file's path."""
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"rows {start} to {stop} of a source with {self.rows}")
        group = int(np.searchsorted(self._starts, start, side="right")) - 1
        while group < len(self._groups) and (begin := int(self._starts[group])) < stop:
            whole = self._whole_groups(group, start, stop)
            if len(whole) > 1:
                part = self._groups[group][0]
                yield self.files.read(part, [self._groups[each][1] for each in whole], columns), part.path
            elif (end := int(self._starts[group + 1])) > begin:
                table = self._read_group(group, columns, max(start - begin, 0), min(stop, end) - begin)
                yield table, self._groups[group][0].path
            group += max(1, len(whole))

    def _whole_groups(self, first: int, start: int, stop: int) -> range:
        """Row groups from `first` on that one call can read: of one file, whose rows are all within [start, stop)."""
        last = first
        if self.splits is None and self._depth is None and self._starts[first] >= start:
            part = self._groups[first][0]
            while last < len(self._groups) and self._groups[last][0] is part and self._starts[last + 1] <= stop:
                last += 1
        return range(first, last)

    def _read_group(self, group: int, columns: Sequence[str], start: int, stop: int) -> pa.Table:
        """This source's own rows [start, stop) of a row group."""
        table = self._group_table(group, tuple(columns), whole=stop - start == self._own_rows(group))
        if self.splits is None:
            return table.slice(start, stop - start)
        members = self._members(group)[start:stop]
        return take_rows(table, members)

    def _group_table(self, group: int, columns: tuple[str, ...], *, whole: bool) -> pa.Table:
        """A row group whose rows are asked for piece by piece is kept until another one is."""
        last = self._last
        if last is not None and last[:2] == (group, columns):
            return last[2]
        part, position = self._groups[group]
        table = self.files.read(part, [position], columns, self._depth)
        self._last = None if whole else (group, columns, table)
        return table

    def _own_rows(self, group: int) -> int:
        return int(self._starts[group + 1] - self._starts[group])

    def _members(self, group: int) -> NDArray[np.int64]:
        """Positions within a row group of the rows that are this split's."""
        assert self.splits is not None
        split_R = split_of_rows(int(self._file_starts[group]), int(self._file_starts[group + 1]), self.splits)
        return np.flatnonzero(split_R == SPLITS.index(self.split))

    def _own_starts(self) -> NDArray[np.int64]:
        """Number of the first own row of each row group, and the total."""
        if self.splits is None:
            return self._file_starts
        counts = [len(self._members(group)) for group in range(len(self._groups))]
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def open_split(dataset: DatasetSpec, split: SplitName, found: dict[str, ParquetFiles] | None = None) -> Source:
    """The rows of one split, from its own files or cut out of `train`. Raises SpecError.

    `found` holds files by URI: those it has aren't listed again, and those it lacks are put in.
    """
    uri, found = _uri(dataset, split), {} if found is None else found
    if uri not in found:
        found[uri] = ParquetFiles.find(uri)
    return Source(found[uri], split, dataset.splits)


def open_splits(dataset: DatasetSpec, columns: Sequence[str]) -> dict[SplitName, Source]:
    """Every split; files that several splits share are listed once.

    Raises:
        SpecError: nothing to read, a column missing, or one whose type means one thing here and another there.
    """
    found: dict[str, ParquetFiles] = {}
    sources = {split: open_split(dataset, split, found) for split in SPLITS}
    for source in sources.values():
        source.require(columns)
    require_alike(sources.values(), columns)
    return sources


def require_alike(sources: Iterable[Source], columns: Iterable[str]) -> None:
    """Raises SpecError, a line a column, where a column's type means one thing in one file and another in another."""
    schemas = {part.path: part.schema for source in sources for part in source.files.parts}
    if problems := type_problems(schemas, columns):
        raise SpecError("\n".join(problems.values()))


def fingerprint_files(sources: Mapping[SplitName, Source]) -> str:
    """SHA-256 of the footers of every split's files; see `ParquetFiles.fingerprint`."""
    found = json.dumps([source.files.fingerprint() for source in sources.values()])
    return hashlib.sha256(found.encode()).hexdigest()


def _uri(dataset: DatasetSpec, split: SplitName) -> str:
    own = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}[split]
    uri = dataset.train if dataset.splits is not None else own
    assert uri is not None
    return uri


def _missing(column: str, part: ParquetPart) -> str:
    if f"/{column}=" in part.path:
        return (
            f"column {column!r} is missing from {part.path}: it stands in the folder's name, and only columns of files "
            "are read; write it as a column too"
        )
    near = difflib.get_close_matches(column, part.schema.names, n=3) or part.schema.names[:5]
    return (
        f"column {column!r} is missing from {part.path}; near it are {', '.join(map(repr, near))}: "
        "correct the spec's `name` or `column`, or write the column"
    )


def _concatenate(pieces: list[pa.Table], columns: Sequence[str], paths: Sequence[str], files: ParquetFiles) -> pa.Table:
    """Pieces one after another, each of the file in `paths`.

    Raises:
        SpecError: a column has no type that holds all of its values.
    """
    if not pieces:
        return pa.schema([files.schema.field(column) for column in columns]).empty_table()
    if len({piece.schema for piece in pieces}) > 1:
        alike = {name: cast_alike([piece.column(name) for piece in pieces], name, paths) for name in columns}
        pieces = [pa.table({name: alike[name][at] for name in columns}) for at in range(len(pieces))]
    return pa.concat_tables(pieces)
