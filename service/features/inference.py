"""Features proposed from a data set: by the footers of its Parquet files, and a sample of its first rows."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from service.core.errors import InvalidError
from service.features.sample import Sampled, sample_columns
from trainers.problems import list_names
from trainers.spec import MAX_DIM

READ_FILES = 16  # footers; more would make a large data set slow to ask about
LARGEST_TABLE = 2**20
# Rows of a table for each different value: about one in five then shares its row with another.
ROOM = 4
FEW_IDS = 1024  # a table of so many rows costs nothing
MOST_ROOM = 64  # where even so many rows a value don't keep few values apart, no table does
SMALLEST_DIM, LARGEST_DIM = 4, 32
LONGEST_NAME = 200
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


@dataclass(frozen=True)
class Footers:
    """Of the first files of a data set by path: `files` are there in all, and `first` is where the first one lies;
    `sampled` is of its columns of ids and of text.
    """

    schema: pa.Schema
    parts: tuple[pq.FileMetaData, ...]
    files: int
    first: tuple[fs.FileSystem, str]
    sampled: Mapping[str, Sampled] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(part.num_rows for part in self.parts)

    @cached_property
    def chunks(self) -> dict[tuple[str, bool], list[tuple[int, pq.ColumnChunkMetaData]]]:
        """By column, and whether it is a list: rows of each row group, and what that says of the values."""
        found = defaultdict(list)
        for part in self.parts:
            for group in map(part.row_group, range(part.num_row_groups)):
                for chunk in map(group.column, range(group.num_columns)):
                    path = chunk.path_in_schema
                    found[path, False].append((group.num_rows, chunk))
                    found[path.rsplit(".", 2)[0], True].append((group.num_rows, chunk))  # column.list.element
        return found


def footers(uri: str) -> Footers:
    """Of a Parquet file, or of a directory of them. Raises InvalidError."""
    try:
        filesystem, path = (fs.LocalFileSystem(), uri) if uri.startswith("/") else fs.FileSystem.from_uri(uri)
        paths = _paths(filesystem, path)
        parts, sampled = [], dict[str, Sampled]()
        for name in paths[:READ_FILES]:
            with filesystem.open_input_file(name) as stream, pq.ParquetFile(stream) as file:
                parts.append((file.schema_arrow, file.metadata))
                sampled = sampled or sample_columns(file, _columns_of_ids(file.schema_arrow))
    except (OSError, pa.ArrowException, ValueError) as error:
        detail = f"dataset: {uri!r} can't be read ({error}); give a Parquet file, or a directory of them"
        raise InvalidError("dataset-unreadable", detail) from None
    if not parts:
        detail = f"dataset: {uri!r} holds no *.parquet file; write the rows there, or give another directory"
        raise InvalidError("dataset-unreadable", detail)
    metadata = tuple(part for _, part in parts)
    return Footers(parts[0][0], metadata, len(paths), (filesystem, paths[0]), sampled)


def _columns_of_ids(schema: pa.Schema) -> list[str]:
    """Columns whose values get embeddings; those of which there are several by one name can't be told apart."""
    found = []
    for name, count in Counter(schema.names).items():
        if count > 1:
            continue
        kind = _plain(schema.field(name).type)
        inside = _plain(kind.value_type) if _is_list(kind) else kind
        if pa.types.is_integer(inside) or any(is_text(inside) for is_text in TEXTS):
            found.append(name)
    return found


def _paths(filesystem: fs.FileSystem, path: str) -> list[str]:
    found = filesystem.get_file_info(path)
    if found.type == fs.FileType.File:
        return [path]
    if found.type == fs.FileType.NotFound:
        raise FileNotFoundError("it doesn't exist")
    below = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    return sorted(each.path for each in below if each.type == fs.FileType.File and _is_data(each.path, path))


def _is_data(path: str, base: str) -> bool:
    names = path.removeprefix(base).strip("/").split("/")
    return path.endswith(".parquet") and not any(name.startswith(("_", ".")) for name in names)


class UnfitError(ValueError):
    """A column that no feature can be read from, and why."""


def propose(found: Footers, column: str) -> dict[str, Any]:
    """A feature read from the column, as it could be registered. Raises UnfitError."""
    if len(column) > LONGEST_NAME:
        raise UnfitError(f"its name is longer than {LONGEST_NAME} characters")
    names = {"name": _name(column), "column": column}
    kind = _plain(found.schema.field(column).type)
    if not _is_list(kind):
        return {**names, **_scalar(found, column, kind)}
    inside = _plain(kind.value_type)
    if pa.types.is_floating(inside):
        return {**names, "kind": "dense", "dim": _length(found, column, kind)}
    scalar = _scalar(found, column, inside, nested=True)
    if scalar["kind"] != "categorical":
        raise UnfitError(f"is {kind}; a list holds numbers or ids")
    return {**names, **scalar, "kind": "multi_categorical"}


def _scalar(found: Footers, column: str, kind: Any, *, nested: bool = False) -> dict[str, Any]:
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return {"kind": "dense", "dim": 1}
    if pa.types.is_boolean(kind):
        return _ids(2)
    if pa.types.is_integer(kind):
        return _ids(_table_of_ids(found, column, nested=nested))
    if any(is_text(kind) for is_text in TEXTS):
        return _ids(_table_of_values(found, column))
    raise UnfitError(f"is {kind}, which no feature is read from; write it as a number, an id or text")


def _ids(hash_size: int) -> dict[str, Any]:
    """An embedding as wide as the fourth root of its table, in a power of two."""
    width = 2 ** math.ceil(math.log2(hash_size) / 4)
    return {"kind": "categorical", "hash_size": hash_size, "dim": min(max(width, SMALLEST_DIM), LARGEST_DIM)}


def _table_of_ids(found: Footers, column: str, *, nested: bool) -> int:
    """One more than the greatest id, where row groups say so and ids are dense; else by the number of values."""
    statistics: list[Any] = [chunk.statistics for _, chunk in found.chunks[column, nested]]
    ranges = [(int(each.min), int(each.max)) for each in statistics if each is not None and each.has_min_max]
    known = ranges and len(ranges) == len(statistics) and min(low for low, _ in ranges) >= 0
    greatest = max((high for _, high in ranges), default=0)
    by_values = _table_of_values(found, column)
    return greatest + 1 if known and greatest < max(by_values, FEW_IDS) else by_values


def _table_of_values(found: Footers, column: str) -> int:
    """A power of two with room for the different values, up to a million; by the number of rows without a sample. Of
    few values, nearly each one sampled has a row of its own."""
    sampled = found.sampled.get(column)
    wanted = found.rows if sampled is None else ROOM * sampled.estimate(found.rows)
    if sampled is not None and sampled.distinct <= FEW_IDS and sampled.table <= MOST_ROOM * sampled.distinct:
        wanted = max(wanted, sampled.table)
    return int(min(LARGEST_TABLE, 2 ** math.ceil(math.log2(max(wanted, 2)))))


def _length(found: Footers, column: str, kind: Any) -> int:
    """Of a list in every row. A null or empty list counts as one value, so that lengths then don't come out even."""
    if pa.types.is_fixed_size_list(kind):
        length = kind.list_size
    else:
        lengths = {chunk.num_values / rows for rows, chunk in found.chunks[column, True] if rows}
        if len(lengths) != 1 or not (only := lengths.pop()).is_integer():
            raise UnfitError(f"is {kind} of no one length; write lists of a fixed size")
        length = int(only)
    if not 1 <= length <= MAX_DIM:
        raise UnfitError(f"has {length} numbers a row; a feature takes 1 to {MAX_DIM}")
    return int(length)


def _plain(kind: pa.DataType) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _name(column: str) -> str:
    """The column's name with what a feature's can't have replaced."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", column)
    return name if re.match(r"[A-Za-z0-9]", name) else f"f{name}"[:LONGEST_NAME]


def infer(found: Footers, left_out: Collection[str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Features for all columns but `left_out`, and why others have none."""
    features: dict[str, dict[str, Any]] = {}
    unfit: dict[str, str] = {}
    for column, count in Counter(found.schema.names).items():
        if column in left_out:
            continue
        try:
            feature = _propose_one(found, column, count)
        except UnfitError as error:
            unfit[column] = str(error)
            continue
        other = features.setdefault(feature["name"], feature)
        if other is not feature:
            unfit[column] = f"would be named {feature['name']!r}, as column {other['column']!r} is; rename it"
    return list(features.values()), unfit


def describe_whole_numbers(found: Footers, features: Collection[Mapping[str, Any]]) -> list[str]:
    """A line on the columns of whole numbers that are proposed as ids: their types don't say what the numbers are."""
    columns = [each["column"] for each in features if each["kind"] == "categorical"]
    whole = [name for name in columns if pa.types.is_integer(_plain(found.schema.field(name).type))]
    if not whole:
        return []
    return [
        f"{list_names(whole)}: whole numbers, proposed as ids, so that each value has a vector of its own; where size "
        "matters, as of an age or a count, register the column with kind dense"
    ]


def describe_group(found: Footers, column: str, model: str) -> str:
    """Why the group is no proposal, and how it becomes a feature: a user's id often is a good one."""
    why = "the group of the model's spec"
    try:
        feature = propose(found, column)
    except (UnfitError, KeyError):
        return why
    name = feature.pop("name")
    if feature["column"] == name:
        del feature["column"]
    kind = feature.pop("kind")
    options = " ".join(f"--set {key}={shlex.quote(str(value))}" for key, value in feature.items())
    return f"{why}; it may be a feature too: winnow features add {model} {name} --kind {kind} {options}"


def _propose_one(found: Footers, column: str, count: int) -> dict[str, Any]:
    if count > 1:
        raise UnfitError(f"there are {count} columns of that name; rename them")
    return propose(found, column)
