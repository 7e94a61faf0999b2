"""A data set of a few hundred rows with every kind of column, and the specs of the runs over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

ROWS = {"train": 480, "validation": 160, "test": 160}
COUNTRIES = np.array(["fr", "de", "pl", "es", "it", "nl"])
FEATURES: list[dict[str, Any]] = [
    {"name": "hour", "kind": "dense", "normalize": "none", "status": "essential"},
    {"name": "age", "kind": "dense", "default": -1.0},
    {"name": "clip", "kind": "dense", "dim": 3},
    {"name": "noise", "kind": "dense"},
    {"name": "user_id", "kind": "categorical", "dim": 4, "hash_size": 50, "ids": "checked"},
    {"name": "nation", "column": "country", "kind": "categorical", "dim": 4, "hash_size": 32, "default": "none"},
    {"name": "genres", "kind": "multi_categorical", "dim": 4, "hash_size": 7, "pooling": "sum"},
]
SPEC: dict[str, Any] = {
    "name": "golden",
    "dataset": {
        **{split: split for split in ROWS},
        "label": "label",
        "group": "user_id",
        "weight": "weight",
    },
    "features": FEATURES,
    "model": {"backbone": "wide_deep", "hidden": [8, 4]},
    "prune": {"guard": {"max_drop": 0.05}},
    "training": {"batch_size": 32, "epochs": 30, "report_every": 20, "embedding_learning_rate": 0.1},
}
# Long enough to be killed in the middle.
LONG: dict[str, Any] = {
    **SPEC,
    "name": "golden-killed",
    "training": {**SPEC["training"], "epochs": 60, "report_every": 50, "checkpoint_every": 50},
}


def make(directory: Path) -> None:
    """`age` and `genres` decide the label; nulls are among them."""
    for place, (split, rows) in enumerate(ROWS.items()):
        (directory / split).mkdir(parents=True)
        table = _rows(np.random.default_rng(place), rows)
        pq.write_table(table, directory / split / "part-0.parquet", row_group_size=rows // 2, compression="zstd")
    for name, spec in (("spec.yaml", SPEC), ("long.yaml", LONG)):
        (directory / name).write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")


def _rows(random: np.random.Generator, rows: int) -> pa.Table:
    age = random.normal(size=rows).astype(np.float32).round(2)
    genres = [random.integers(0, 7, size=count).tolist() for count in random.integers(0, 4, size=rows)]
    logit = 2 * age + np.array([1.5 if 3 in row else -0.5 for row in genres])
    null = random.random(rows) < 0.05
    return pa.table(
        {
            "hour": random.integers(0, 24, size=rows).astype(np.float32) / 24,
            "age": pa.array(age, mask=null),
            "clip": list(random.normal(size=(rows, 3)).astype(np.float32).round(2)),
            "noise": random.normal(size=rows).astype(np.float32).round(2),
            "user_id": random.integers(0, 50, size=rows),
            "country": pa.array(random.choice(COUNTRIES, size=rows).tolist(), mask=random.random(rows) < 0.05),
            "genres": pa.array(genres, pa.list_(pa.int64())),
            "weight": random.choice(np.array([1.0, 2.0], dtype=np.float32), size=rows),
            "label": (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8),
        }
    )
