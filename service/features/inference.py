"""Features proposed from a data set: by the footers of its Parquet files, and a sample of rows from all over them."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from service.core.errors import InvalidError
from service.features.sample import Sampled, bounded_source, sample_columns
from trainers.data.files import ParquetFiles, resolve
from trainers.data.listing import list_files
from trainers.data.source import Source
from trainers.data.spread import space_evenly
from trainers.data.types import is_list, is_text, type_problems
from trainers.problems import list_names
from trainers.spec import MAX_DIM, SpecError

READ_FILES = 16  # more would make a large data set slow to ask about
LARGEST_TABLE = 2**20
# Rows of a table for each different value: about one in five then shares its row with another.
ROOM = 4
FEW_IDS = 1024  # a table of so many rows costs nothing
MOST_ROOM = 64  # where even so many rows a value don't keep few values apart, no table does
SMALLEST_DIM, LARGEST_DIM = 4, 32
LONGEST_NAME = 200


@dataclass(frozen=True)
class Footers:
    """Of files that lie evenly over a data set: `files` are there in all.

    Attributes:
        source: of those files' rows.
        files: of the data set.
        unlike: columns that no feature can be read from in all of those files, and why.
        sampled: of the columns of ids and of text.
    """

    source: Source
    files: int
    unlike: Mapping[str, str] = field(default_factory=dict)
    sampled: Mapping[str, Sampled] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[pq.FileMetaData, ...]:
        return tuple(part.metadata for part in self.source.files.parts)

    @property
    def rows(self) -> int:
        """Of the data set: files whose footers weren't read count as the others do."""
        return sum(part.num_rows for part in self.parts) * self.files // len(self.parts)

    @cached_property
    def schema(self) -> pa.Schema:
        """The first file's, where a column of nulls alone has the type that another file gives it."""
        schema, *others = (part.schema for part in self.source.files.parts)
        for place, column in enumerate(schema):
            if pa.types.is_null(column.type) and column.name not in self.unlike:
                kinds = (other.field(column.name).type for other in others)
                known = (kind for kind in kinds if not pa.types.is_null(kind))
                schema = schema.set(place, column.with_type(next(known, column.type)))
        return schema

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
    """Of a Parquet file, or of a directory of them, which means what it means to training. Raises InvalidError."""
    try:
        filesystem, path = resolve(uri)
        listed = list_files(uri, filesystem, path).files
        chosen = [listed[place] for place in space_evenly(READ_FILES, len(listed))]
        source = bounded_source(ParquetFiles.open(uri, filesystem, chosen))
        found = Footers(source, len(listed), _unlike(source))
        return replace(found, sampled=sample_columns(source, _columns_of_ids(found)))
    except SpecError as error:
        raise InvalidError("dataset-unreadable", str(error)) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        detail = f"dataset: {uri!r} can't be read ({error}); give a Parquet file, or a directory of them"
        raise InvalidError("dataset-unreadable", detail) from None


def _unlike(source: Source) -> dict[str, str]:
    """Of the first file's columns, those that other files lack, or whose values mean another thing there."""
    schemas = {part.path: part.schema for part in source.files.parts}
    names = list(dict.fromkeys(source.files.schema.names))
    unlike = type_problems(schemas, names)
    found = {name: line.removeprefix(f"dataset: column {name!r} ") for name, line in unlike.items()}
    for path, schema in schemas.items():
        counts = Counter(schema.names)
        for name in names:
            if counts[name] > 1:
                found[name] = f"stands {counts[name]} times in {path}; rename all but one"
            elif not counts[name]:
                found[name] = f"is missing from {path}; write it there too"
    return found


def _columns_of_ids(found: Footers) -> list[str]:
    """Columns whose values get embeddings."""
    columns = []
    for each in found.schema:
        kind = _plain(each.type)
        inside = _plain(kind.value_type) if is_list(kind) else kind
        if each.name not in found.unlike and (pa.types.is_integer(inside) or is_text(inside)):
            columns.append(each.name)
    return columns


class UnfitError(ValueError):
    """A column that no feature can be read from, and why."""


def propose(found: Footers, column: str) -> dict[str, Any]:
    """A feature read from the column, as it could be registered. Raises UnfitError."""
    if column in found.unlike:
        raise UnfitError(found.unlike[column])
    if len(column) > LONGEST_NAME:
        raise UnfitError(f"its name is longer than {LONGEST_NAME} characters")
    names = {"name": _name(column), "column": column}
    kind = _plain(found.schema.field(column).type)
    if not is_list(kind):
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
    if is_text(kind):
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


def _name(column: str) -> str:
    """The column's name with what a feature's can't have replaced."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", column)
    return name if re.match(r"[A-Za-z0-9]", name) else f"f{name}"[:LONGEST_NAME]


def infer(found: Footers, left_out: Collection[str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Features for all columns but `left_out`, and why others have none."""
    features: dict[str, dict[str, Any]] = {}
    unfit: dict[str, str] = {}
    for column in dict.fromkeys(found.schema.names):
        if column in left_out:
            continue
        try:
            feature = propose(found, column)
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
