"""Whether every value of a split can be read, and in which files those lie that can't."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pyarrow as pa

from trainers.data.bad_values import BadRows, BadValuesError
from trainers.data.checks.type_check import Reader, readers
from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.spread import spread_ranges
from trainers.data.types import is_list
from trainers.spec import CategoricalFeature, DatasetSpec, FeatureSpec, MultiCategoricalFeature

# Numbers that are read of a split, and at once. Of a split that has more, rows from all over it are read.
MOST_CELLS, CELLS_AT_ONCE = 2**26, 2**24
LEAST_ROWS = 2**16

Range = tuple[int, int]


@dataclass
class _Count:
    """Of one problem of a column, over all tables: the first that had it, the rows, the files."""

    first: BadRows
    bad: int = 0
    files: dict[str, None] = field(default_factory=dict)

    def total(self, rows: int, source: Source) -> BadRows:
        """The problem with its place; `rows` were read of the column."""
        first, *others = self.files
        read = "" if rows == source.rows else " read"
        more = f" and {len(others)} more files" if others else ""
        where = f"{read} of dataset.{source.split}, in {first}{more}"
        return replace(self.first, bad=self.bad, rows=rows, where=where)


def find_bad_values(
    dataset: DatasetSpec,
    features: Iterable[FeatureSpec],
    source: Source,
    *,
    skip: Collection[str] = (),
    ranges: Sequence[Range] | None = None,
) -> list[BadRows]:
    """Read the columns that may have bad values, and list these: one entry for each thing that is wrong with one.

    Args:
        dataset: names label and weight.
        features: whose columns to read.
        source: of one split.
        skip: columns that are known to be unreadable.
        ranges: rows to read; as many as MOST_CELLS allows unless given.
    """
    chosen = [each for each in readers(dataset, features) if each.column not in skip and _may_be_bad(each, source)]
    if not chosen or not source.rows:
        return []
    if ranges is None:
        ranges = _all_or_spread(source, max(LEAST_ROWS, MOST_CELLS // sum(each.dim for each in chosen)))
    sizes = [stop - start for start, stop in ranges]
    return [
        count.total(sum(sizes), source)
        for part in _parts(chosen, CELLS_AT_ONCE // max(sizes))
        for count in _read(part, source, ranges)
    ]


@contextmanager
def locating(
    dataset: DatasetSpec, features: Iterable[FeatureSpec], source: Source, ranges: Sequence[Range]
) -> Iterator[None]:
    """Around the decoding of rows of a source: BadValuesError that it raises get their split and file, and all that is
    wrong beside them, as `check` tells it."""
    try:
        yield
    except BadValuesError as error:
        features = list(features)
        found = find_bad_values(dataset, features, source)
        found = found or find_bad_values(dataset, features, source, ranges=ranges)
        raise BadValuesError(*(found or _in_files(error.problems, dataset, source, ranges))) from None


def _in_files(
    problems: Iterable[BadRows], dataset: DatasetSpec, source: Source, ranges: Iterable[Range]
) -> list[BadRows]:
    """Problems that standardizing alone finds, with the files of the ranges."""
    ranges = list(ranges)
    paths = dict.fromkeys(path for start, stop in ranges for _, path in source.pieces([dataset.label], start, stop))
    rows = sum(stop - start for start, stop in ranges)
    return [_Count(problem, problem.bad, paths).total(rows, source) for problem in problems]


def _may_be_bad(reader: Reader, source: Source) -> bool:
    """Whether a type of the column has values that the feature can't take; hashed ids and plain integers have none."""
    feature = reader.feature
    if feature is None:
        return not reader.takes_all
    if isinstance(feature, CategoricalFeature | MultiCategoricalFeature):
        return feature.ids == "checked"
    kinds = {part.schema.field(reader.column).type for part in source.files.parts}
    return any(is_list(kind) or pa.types.is_floating(kind) for kind in kinds)


def _all_or_spread(source: Source, rows: int) -> list[Range]:
    """Ranges that lie in one row group each."""
    return source.group_ranges if source.rows <= rows else list(spread_ranges(source, rows))


def _parts(chosen: Sequence[Reader], width: int) -> Iterator[list[Reader]]:
    """Readers in their order, together of at most `width` numbers a row, or one."""
    part: list[Reader] = []
    taken = 0
    for reader in chosen:
        if part and taken + reader.dim > width:
            yield part
            part, taken = [], 0
        part.append(reader)
        taken += reader.dim
    yield part


def _read(chosen: Sequence[Reader], source: Source, ranges: Iterable[Range]) -> list[_Count]:
    """What is wrong in the ranges, reader by reader."""
    counts: list[dict[str, _Count]] = [{} for _ in chosen]
    columns = list(dict.fromkeys(reader.column for reader in chosen))
    for start, stop in ranges:
        for table, path in source.pieces(columns, start, stop):
            for reader, found in zip(chosen, counts, strict=True):
                try:
                    reader.decode(single_array(table.column(reader.column)))
                except BadValuesError as error:
                    for problem in error.problems:
                        count = found.setdefault(problem.remedy, _Count(problem))
                        count.bad += problem.bad
                        count.files[path] = None
    return [count for found in counts for count in found.values()]
