"""The features of a prune list as a table: CSV, and an Arrow stream."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

TYPES: dict[str, pa.DataType] = {
    "name": pa.string(),
    "kind": pa.string(),
    "dim": pa.int32(),
    "score": pa.float64(),
    "divergence": pa.float64(),
    "endurance": pa.float64(),
    "decision": pa.string(),
    "why": pa.string(),
}
SCHEMA = pa.schema(TYPES)


def csv_of(content: Mapping[str, Any]) -> bytes:
    """A header, then a line a feature, ended by CR LF (RFC 4180); numbers read back as they were."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(SCHEMA.names)
    writer.writerows(_rows(content))
    return text.getvalue().encode()


def arrow_of(content: Mapping[str, Any]) -> bytes:
    """An Arrow IPC stream of `SCHEMA`; its metadata has the list's `id`."""
    columns = list(zip(*_rows(content), strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata({"id": content["id"]}))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _rows(content: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    return [[feature.get(column) for column in SCHEMA.names] for feature in content["features"]]
