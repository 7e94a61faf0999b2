"""Specs of every origin, each beside what parsing it gives: `NAME.yaml` or `NAME.json`, and `NAME.parsed.json`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from tests.golden.product import WINNOW, parse_spec

EXAMPLES = Path(__file__).parents[3] / "examples"
EVERY_KEY: dict[str, Any] = {
    "name": "every-key",
    "dataset": {
        "train": "s3://lake/clicks/train",
        "validation": "gs://lake/clicks/validation",
        "test": "/data/clicks/test",
        "label": "clicked",
        "group": "user_id",
        "weight": "importance",
        "non_finite": "replace",
    },
    "features": [
        {
            "name": "embedding",
            "column": "item_embedding",
            "kind": "dense",
            "status": "candidate",
            "dim": 64,
            "default": 0.5,
            "normalize": "none",
        },
        {
            "name": "user_id",
            "column": "uid",
            "kind": "categorical",
            "status": "essential",
            "dim": 32,
            "hash_size": 1000,
            "ids": "checked",
            "default": 7,
        },
        {"name": "country", "kind": "categorical", "hash_size": 200, "default": "unknown"},
        {
            "name": "tags",
            "column": "item_tags",
            "kind": "multi_categorical",
            "status": "candidate",
            "dim": 8,
            "hash_size": 5000,
            "ids": "checked",
            "pooling": "sum",
        },
    ],
    "essential": ["country"],
    "model": {
        "backbone": "dcnv2",
        "cross_layers": 3,
        "rank": 16,
        "hidden": [32, 16, 8],
        "dropout": 0.1,
        "batch_norm": True,
    },
    "selector": {
        "name": "leap",
        "update": "joint",
        "stand_in": "permuted",
        "penalty": "uniform",
        "alpha": 0.002,
        "target_dims": 0.6,
        "temperature": 0.5,
        "ema": 0.9,
        "clip": [2.0, 50.0],
        "learning_rate": 0.05,
        "initial_gate": 0.8,
        "warmup": 0.1,
    },
    "prune": {
        "rule": "dims",
        "threshold": 0.4,
        "top_k": 2,
        "share": 0.7,
        "delta": 0.01,
        "curve_points": 16,
        "guard": {"metric": "logloss", "max_drop": 0.02},
    },
    "finetune": {"start": "fresh", "epochs": 3, "learning_rate": 0.0005},
    "training": {
        "batch_size": 256,
        "epochs": 7,
        "max_steps": 900,
        "learning_rate": 0.003,
        "embedding_optimizer": "adam",
        "embedding_learning_rate": 0.004,
        "weight_decay": 0.01,
        "seed": 5,
        "shuffle_rows": 4096,
        "report_every": 20,
        "checkpoint_every": 100,
    },
    "scaling": {
        "workers": 4,
        "use_gpu": True,
        "max_failures": 1,
        "topology": {
            "workers_per_host": 2,
            "memory_bytes": 1000000000,
            "sharding": ["data_parallel", "column_wise"],
        },
    },
    "output": "/data/runs/every-key",
}
FEATURES = [{"name": "age", "kind": "dense"}, {"name": "user_id", "kind": "categorical", "hash_size": 10}]
SPLIT = {"train": "/data/all.parquet", "splits": {"validation": 0.2, "test": 0.15, "seed": 3}}
# What one spec can't say twice: other backbones, other choices.
OTHERS: dict[str, dict[str, Any]] = {
    "mlp": {
        "dataset": SPLIT,
        "features": FEATURES,
        "model": {"backbone": "mlp", "hidden": [16], "dropout": 0.3, "batch_norm": True},
        "selector": {"update": "progressive", "alpha": 0.001},
        "prune": {"rule": "top_k", "top_k": 1, "guard": {"metric": "gauc"}},
        "training": {"epochs": 1},
    },
    "wide-deep": {
        "dataset": SPLIT,
        "features": FEATURES,
        "model": {"hidden": [8, 4], "dropout": 0.0, "batch_norm": False},
        "prune": {"rule": "curve", "delta": 0.002, "curve_points": 8, "guard": {"metric": "ne", "max_drop": 0.0}},
        "scaling": {"topology": {"sharding": ["table_wise", "row_wise", "table_row_wise"]}},
    },
    "deepfm": {
        "dataset": SPLIT,
        "features": FEATURES,
        "model": {"backbone": "deepfm", "factors": 4, "hidden": [12], "dropout": 0.2, "batch_norm": True},
        "finetune": {"epochs": 0},
    },
}


def make(golden: Path, scratch: Path) -> None:
    folder = golden / "specs"
    folder.mkdir(parents=True)
    for path in EXAMPLES.glob("*.yaml"):
        shutil.copy(path, folder / f"example-{path.name}")
    _prepared(folder, scratch)
    (folder / "every-key.yaml").write_text(yaml.safe_dump(EVERY_KEY, sort_keys=False), encoding="utf-8")
    for name, spec in {"every-key": EVERY_KEY, **OTHERS}.items():
        (folder / f"{name}.json").write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
    _every_key_is_used()
    for path in sorted(folder.iterdir()):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        parsed = parse_spec(raw).model_dump(mode="json")
        text = json.dumps(parsed, indent=1) + "\n"
        path.with_name(f"{path.name}.parsed.json").write_text(text, encoding="utf-8")


def _prepared(folder: Path, scratch: Path) -> None:
    """Specs that commands write beside data that they prepare."""
    simulated = ["simulate", "--features", "24", "--rows", "3000", "--seed", "1"]
    movielens = ["data", "movielens-100k", "--source", str(_movielens(scratch / "ml-100k"))]
    for name, arguments in {"simulate": simulated, "movielens-100k": movielens}.items():
        made = scratch / name
        subprocess.run([WINNOW, *arguments, "--output", str(made)], check=True, capture_output=True)
        shutil.copy(made / "spec.yaml", folder / f"winnow-{name}.yaml")


def _movielens(source: Path) -> Path:
    """A few lines in the format of GroupLens: five users rate six movies."""
    source.mkdir(parents=True)
    pairs = [(user, movie) for user in range(1, 6) for movie in range(1, 7)]
    rows = [f"{user}\t{movie}\t{1 + (user + movie) % 5}\t{881250900 + at}\n" for at, (user, movie) in enumerate(pairs)]
    users = [f"{user}|{20 + user}|{'MF'[user % 2]}|writer|0610{user}\n" for user in range(1, 6)]
    items = [f"{movie}|Film {movie} (1995)|01-Jan-1995||url|0|1|{movie % 2}\n" for movie in range(1, 7)]
    genres = "unknown|0\nAction|1\nComedy|2\n\n"
    for name, text in {"data": "".join(rows), "user": "".join(users), "item": "".join(items), "genre": genres}.items():
        (source / f"u.{name}").write_text(text, encoding="latin-1")
    return source


def _every_key_is_used() -> None:
    """Raises AssertionError where a key of the spec has another value than its default nowhere."""
    seen: dict[type[BaseModel], set[str]] = {}
    for raw in (EVERY_KEY, *OTHERS.values()):
        _note(parse_spec(raw), seen)
    missing = [f"{kind.__name__}.{name}" for kind, names in seen.items() for name in set(kind.model_fields) - names]
    tags = {"DenseFeature.kind", "CategoricalFeature.kind", "MultiCategoricalFeature.kind", "LeapSpec.name"}
    assert {name for name in missing if not name.endswith(".backbone")} <= tags, missing


def _note(found: Any, seen: dict[type[BaseModel], set[str]]) -> None:
    for part in found if isinstance(found, tuple) else ():
        _note(part, seen)
    if not isinstance(found, BaseModel):
        return
    names = seen.setdefault(type(found), set())
    for name, field in type(found).model_fields.items():
        value = getattr(found, name)
        _note(value, seen)
        if field.is_required() or value != field.default:
            names.add(name)
