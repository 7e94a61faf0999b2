"""How well proposed features predict the label alone, on the first rows of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from trainers.data.decode import Decoder
from trainers.data.leaks import LEAKY_FEATURE, single_feature_aucs
from trainers.spec import SpecError, parse_spec

SAMPLE_ROWS = 2**13
# Columns read together: a row group's columns are held in memory while its first rows are read.
COLUMNS = 64


def find_leaks(
    filesystem: fs.FileSystem, path: str, features: Sequence[dict[str, Any]], label: str
) -> dict[str, float]:
    """AUC by name, of the features above LEAKY_FEATURE on the first rows of a Parquet file; empty where it has no
    usable label."""
    found: dict[str, float] = {}
    try:
        with filesystem.open_input_file(path) as stream, pq.ParquetFile(stream) as file:
            if label not in file.schema_arrow.names:
                return {}
            for start in range(0, len(features), COLUMNS):
                some = features[start : start + COLUMNS]
                columns = list(dict.fromkeys([label, *(each["column"] for each in some)]))
                batch = next(file.iter_batches(SAMPLE_ROWS, columns=columns), None)
                if batch is not None:
                    found |= _measure(pa.Table.from_batches([batch]), some, label)
    except (OSError, pa.ArrowException):
        return found  # The footers could be read; whoever trains on these rows is told what is wrong with them.
    return {name: auc for name, auc in found.items() if auc > LEAKY_FEATURE}


def _measure(table: pa.Table, features: Sequence[dict[str, Any]], label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for feature in features:
        dataset = {"train": "", "splits": {}, "label": label, "non_finite": "replace"}
        try:
            decoder = Decoder(parse_spec({"dataset": dataset, "features": [feature]}))
            found |= single_feature_aucs(decoder, table)
        except SpecError:
            continue  # Of a column whose values don't fit, `winnow check` says more.
    return found
