"""How many different values columns have, and the tables these need, by the first rows of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.data.collisions import fitting_table

SAMPLE_ROWS = 65_536


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


def sample_columns(file: pq.ParquetFile, columns: Sequence[str]) -> dict[str, Sampled]:
    """Counts of values and of different values in the first rows, nulls apart; of lists, those of their elements."""
    if not columns:
        return {}
    batches: list[pa.RecordBatch] = []
    for batch in file.iter_batches(batch_size=SAMPLE_ROWS, columns=list(columns)):
        batches.append(batch)
        if sum(each.num_rows for each in batches) >= SAMPLE_ROWS:
            break
    table = pa.Table.from_batches(batches, batches[0].schema).slice(0, SAMPLE_ROWS) if batches else None
    return {} if table is None else {name: _count(table.column(name)) for name in table.column_names}


def _count(column: pa.ChunkedArray[Any]) -> Sampled:
    values: Any = column.combine_chunks()
    while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = values.flatten()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    distinct = values.unique().drop_null()
    return Sampled(len(values) - values.null_count, len(distinct), fitting_table(distinct))
