"""Which features are one value to the model."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.constants import find_constants
from trainers.data.copies import FIRST_ROWS
from trainers.data.source import Source
from trainers.spec import parse_spec

ROWS = 3 * FIRST_ROWS


@pytest.mark.parametrize("group_rows", [ROWS, 100])
def test_what_is_constant_is_so_to_the_model_and_in_all_rows(tmp_path: Path, group_rows: int) -> None:
    random = np.random.default_rng(0)
    rare = np.zeros(ROWS)
    rare[-1] = 1.0
    columns = {
        "noise": random.normal(size=ROWS),
        "flat": np.full(ROWS, 7.5),
        "rare": rare,
        "missing": pa.nulls(ROWS, pa.float64()),
        "default_or_null": pa.array([None if row % 2 else 3.0 for row in range(ROWS)], pa.float64()),
        "vector": pa.array([[1.0, 2.0]] * ROWS),
        "vector_varies": pa.array([[1.0, float(row == ROWS - 1)] for row in range(ROWS)]),
        "id": np.full(ROWS, 5),
        "collides": np.where(np.arange(ROWS) % 2, 4, 8),
        "ids_vary": np.arange(ROWS) % 2,
        "list": pa.array([[1, 2]] * ROWS),
        "list_order": pa.array([[1, 2]] * (ROWS - 1) + [[2, 1]]),
        "list_length": pa.array([[1]] * (ROWS - 1) + [[1, 1]]),
        "empty": pa.array([[] if row % 2 else None for row in range(ROWS)], pa.list_(pa.int64())),
        "label": np.arange(ROWS) % 2,
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=group_rows)
    dense = ("noise", "flat", "rare", "missing")
    ids = {"kind": "categorical", "hash_size": 16}
    lists = {"kind": "multi_categorical", "hash_size": 16}
    features = [
        *({"name": name, "kind": "dense"} for name in dense),
        {"name": "default_or_null", "kind": "dense", "default": 3.0},
        *({"name": name, "kind": "dense", "dim": 2} for name in ("vector", "vector_varies")),
        *({"name": name, **ids} for name in ("id", "ids_vary")),
        {"name": "collides", **ids, "hash_size": 4},
        *({"name": name, **lists} for name in ("list", "list_order", "list_length", "empty")),
    ]
    places = {split: str(tmp_path) for split in ("train", "validation", "test")}
    spec = parse_spec({"dataset": places, "features": features})
    assert find_constants(spec, Source.open(str(tmp_path))) == {
        "flat", "missing", "default_or_null", "vector", "id", "collides", "list", "empty"
    }  # fmt: skip
