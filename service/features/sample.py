"""How many different values columns have, and the tables these need, by rows from all over a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from trainers.data.checks.collisions import fitting_table
from trainers.data.columns import decode_dictionary
from trainers.data.files import ParquetFiles
from trainers.data.source import Source
from trainers.data.spread import GROUPS, read_spread
from trainers.data.types import is_list

SAMPLE_ROWS = 65_536
# Values that are decoded to get at the sampled ones: of large row groups, the first rows stand for all.
DECODED_VALUES = 2**26
# Columns that are held in memory together.
COLUMNS = 64


@dataclass(frozen=True)
class Sampled:
    """Of one column: how many values were looked at, how many different ones are among them, and the rows of a table
    that keeps nearly all of these apart."""

    values: int
    distinct: int
    table: int = 1

    def estimate(self, rows: int) -> int:
        """Different values in `rows` rows: as many as in the sample where most repeat there, else in proportion."""
        if not self.values:
            return 1
        if 2 * self.distinct <= self.values:
            return max(1, self.distinct)
        return max(self.distinct, round(self.distinct / self.values * rows))


def bounded_source(files: ParquetFiles) -> Source:
    """Rows of the files that take no more than DECODED_VALUES to sample, however large the row groups are."""
    groups = [group for part in files.parts for group in map(part.metadata.row_group, range(len(part.group_rows)))]
    rows = sum(group.num_rows for group in groups)
    values = sum(group.column(at).num_values for group in groups for at in range(group.num_columns))
    return Source(files, depth=max(1, DECODED_VALUES * rows // (min(GROUPS, len(groups)) * max(1, values))))


def sample_columns(source: Source, columns: Sequence[str]) -> dict[str, Sampled]:
    """Counts of values and of different values in the sampled rows, nulls apart; of lists, those of their elements.

    Raises:
        SpecError: a file that can't be read, or a column whose types don't fit together.
    """
    found: dict[str, Sampled] = {}
    for some in batched(columns) if source.rows else ():
        table = read_spread(source, some, SAMPLE_ROWS)
        found |= {name: _count(table.column(name)) for name in some}
    return found


def batched(columns: Sequence[str]) -> Iterator[Sequence[str]]:
    """At most COLUMNS at once."""
    return (columns[start : start + COLUMNS] for start in range(0, len(columns), COLUMNS))


def _count(column: pa.ChunkedArray[Any]) -> Sampled:
    values: Any = column.combine_chunks()
    while is_list(values.type):
        values = values.flatten()
    values = decode_dictionary(values)
    distinct = values.unique().drop_null()
    return Sampled(len(values) - values.null_count, len(distinct), fitting_table(distinct))
