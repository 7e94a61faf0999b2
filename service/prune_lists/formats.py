"""The features of a prune list as a table: CSV, and an Arrow stream."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from service.core.csv_cells import as_text
from trainers.runs.prune_list import PruneList

TYPES: dict[str, pa.DataType] = {
    "name": pa.string(),
    "kind": pa.string(),
    "dim": pa.int32(),
    "score": pa.float64(),
    "divergence": pa.float64(),
    "endurance": pa.float64(),
    "decision": pa.string(),
    "why": pa.string(),
    "mean_gate": pa.float64(),  # `endurance` is its old name, for one more version
    "kept_dims": pa.list_(pa.int32()),  # null where a feature stays with all dims, or goes with all
}
SCHEMA = pa.schema(TYPES)


def csv_of(prune_list: PruneList) -> bytes:
    """A header, then a line a feature, ended by CR LF (RFC 4180); numbers read back as they were."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(SCHEMA.names)
    writer.writerows([as_text(_cell(cell)) for cell in row] for row in _rows(prune_list))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Several numbers are one cell, with spaces between them."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def arrow_of(prune_list: PruneList) -> bytes:
    """An Arrow IPC stream of `SCHEMA`; its metadata has the list's `id`."""
    columns = list(zip(*_rows(prune_list), strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata({"id": prune_list.id}))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _rows(prune_list: PruneList) -> Sequence[Sequence[Any]]:
    """A row a feature; the names of LeAP's details are those of the table since its first version."""
    return [
        [
            feature.name,
            feature.kind,
            feature.dim,
            feature.score,
            feature.details.get("divergence"),
            feature.details.get("mean_gate"),
            feature.decision,
            feature.why,
            feature.details.get("mean_gate"),
            feature.kept_dims,
        ]
        for feature in prune_list.features
    ]
