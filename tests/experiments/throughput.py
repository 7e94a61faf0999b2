"""Rows per second of the search beside the LeAP authors' published code, in one process, alternating.

    python -m tests.experiments.throughput --source ../shared/data/ml-100k --authors path/to/LeAP

`--authors` is a checkout of github.com/goldenNormal/LeAP, run as published but for what keeps it from starting on
Linux without a GPU: its assertion that data lies on one is dropped, its modules are found by the names of their
files, and packages that it imports and does not use here are empty modules. Its data lies in memory; Winnow reads
Parquet. Both make two passes a step: one for the weights, one for the gates on held-out rows.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import tempfile
import time
import types
from argparse import Namespace
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow.parquet as pq
import torch
import typer
from torch.utils.data import TensorDataset

from trainers.datasets.movielens import FIELDS, prepare_100k
from trainers.spec import JobSpec, load_spec
from trainers.spec.order import canonical_order
from trainers.training.build import build_gated
from trainers.training.gate_trainer import GateTrainer
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext, compute_threads

BLOCK = 200  # steps between alternations
Block = Callable[[], int]


def winnow(spec: JobSpec, blocks: int) -> Block:
    """A function that runs BLOCK steps of the search and returns the rows of its training batches."""
    spec, ranks = canonical_order(spec), RankContext()
    loaders = DataLoaders.open(spec, ranks)
    search = GateTrainer(build_gated(spec, ranks), spec, ranks)
    total = blocks * BLOCK
    reading = loaders.pairs(0, total, held_out=True)
    pairs = enumerate(reading.__enter__(), 1)

    def block() -> int:
        torch.set_num_threads(compute_threads(1))
        rows = 0
        for _ in range(BLOCK):
            step, (train, held_out) = next(pairs)
            search.step(step, train, held_out)
            rows += len(train)
        search.report(step)
        return rows if reading else 0  # held here, or its thread would end

    return block


def authors(checkout: Path, data: Path, batch_size: int, threads: int) -> Block:
    """The same of the authors' trainer: Wide & Deep, dim 8, their learning rate and penalty for MovieLens."""
    trainer_type, model_type = _import(checkout)
    train, validation = (_encoded(data, split) for split in ("train", "validation"))
    unique = [int(max(train[0][:, f].max(), validation[0][:, f].max())) + 1 for f in range(len(FIELDS))]
    args = Namespace(
        embedding_dim=8, device="cpu", epoch=100, learning_rate=1e-3, fs="LeAP", fs_weight=0.1, dataset="ml",
        batch_size=batch_size, num_batch=BLOCK, num_workers=0, patience=3,
    )  # fmt: skip
    model = model_type(args, "widedeep", "LeAP", unique, list(FIELDS))
    model.fs.mode = "train"
    trainer = trainer_type(args, model, "widedeep", "cpu", epochs=1, retrain=False)
    steps = min(BLOCK, len(train[1]) // batch_size)
    args.num_batch = steps
    loader = TensorDataset(*validation)

    def block() -> int:
        torch.set_num_threads(threads)
        with redirect_stderr(StringIO()):
            trainer.train_one_epoch(train, 0, validation, loader)
        return steps * batch_size

    return block


def _import(checkout: Path) -> tuple[Any, Any]:
    for name in ("nni", "polars"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["polars"].DataFrame = object  # type: ignore[attr-defined]
    sys.path.insert(0, str(checkout))
    source = (checkout / "utils" / "fs_trainer.py").read_text(encoding="utf-8")
    module = types.ModuleType("fs_trainer")
    exec(source.replace("assert train_x.device.type != 'cpu'", "pass"), module.__dict__)  # noqa: S102
    base: Any = importlib.import_module("models.basemodel")
    base.get_model = lambda name, kind: getattr(importlib.import_module(f"models.{kind}.{name}"), name)
    return module.modeltrainer, base.BaseModel


def _encoded(data: Path, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Label-encoded fields (N, 9) and labels of a split, as the authors' preparation makes them."""
    columns = []
    for field in FIELDS:
        whole = np.concatenate(
            [pq.read_table(data / f"{name}.parquet", columns=[field])[field].to_numpy() for name in SPLITS]
        )
        codes = {name: index for index, name in enumerate(np.unique(whole).tolist())}
        own = pq.read_table(data / f"{split}.parquet", columns=[field])[field].to_pylist()
        columns.append([codes[value] for value in own])
    labels = pq.read_table(data / f"{split}.parquet", columns=["label"])["label"].to_numpy()
    return torch.tensor(columns).t().contiguous(), torch.tensor(labels.astype(np.int64))


SPLITS = ("train", "validation", "test")


def alternate(sides: dict[str, Block], rounds: int) -> dict[str, list[float]]:
    """Rows per second of every round and side, the first round left out."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, block in sides.items():
            began = time.perf_counter()
            rows = block()
            if turn:
                rates[name].append(rows / (time.perf_counter() - began))
    return rates


def main(
    source: Annotated[Path, typer.Option(help="The raw MovieLens-100K.")],
    authors_at: Annotated[Path, typer.Option("--authors", help="A checkout of the authors' code.")],
    rounds: int = 15,
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        spec = load_spec(prepare_100k(source, Path(temporary) / "ml"))
        print("| batch | Winnow, rows/s | authors, 1 thread | authors, 2 threads | Winnow / faster of the two |")
        print("|---|---|---|---|---|")
        for batch_size in (256, 1024):
            training = spec.training.model_copy(update={"batch_size": batch_size})
            sides = {
                "winnow": winnow(spec.model_copy(update={"training": training}), rounds + 1),
                "one": authors(authors_at, Path(temporary) / "ml", batch_size, 1),
                "two": authors(authors_at, Path(temporary) / "ml", batch_size, 2),
            }
            rates = {name: statistics.median(found) for name, found in alternate(sides, rounds).items()}
            ratio = rates["winnow"] / max(rates["one"], rates["two"])
            cells = " | ".join(f"{rates[name]:,.0f}" for name in sides)
            print(f"| {batch_size} | {cells} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
