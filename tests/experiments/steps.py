"""Steps per second with and without the gate, for one worker and two, at the same global batch.

    python -m tests.experiments.steps --source ../shared/data/ml-100k

Real gloo ranks, alternating in one process each: a plain step of the model, a joint step with the gate (one pass),
a bilevel step (two passes). Batches are read ahead and repeated, so that the step alone is timed.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import typer

from trainers.datasets.movielens import prepare_100k
from trainers.models.batch import Batch
from trainers.spec import JobSpec, load_spec, parse_spec
from trainers.spec.order import canonical_order
from trainers.training.build import build_gated, build_plain
from trainers.training.gate_trainer import GateTrainer
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer

BATCH = 1024
KEPT_BATCHES = 40
STEPS = 60
Step = Callable[[int, Batch, Batch], None]


def sides(spec: JobSpec, ranks: RankContext, loaders: DataLoaders) -> dict[str, Step]:
    """A training step of each kind, on models of their own."""
    fit = Trainer(build_plain(spec, ranks), loaders, spec, ranks)
    joint = GateTrainer(build_gated(spec, ranks), spec, ranks)
    bilevel = GateTrainer(build_gated(spec, ranks), spec, ranks)

    return {
        "no gate": lambda step, train, held_out: fit.step(step, train),
        "gate, joint": lambda step, train, held_out: joint.step(step, train, None),
        "gate, bilevel": bilevel.step,
    }


def start_rank(rank: int, world: int, folder: str, rounds: int) -> None:
    """A rank from its start to its end."""
    torch.set_num_threads(1)
    if world > 1:
        os.environ.update(LOCAL_WORLD_SIZE=str(world), LOCAL_RANK=str(rank))
        dist.init_process_group("gloo", store=dist.FileStore(f"{folder}/store", world), rank=rank, world_size=world)
    measure(RankContext(rank=rank, world=world, local_world=world), folder, rounds)
    if world > 1:
        dist.destroy_process_group()


def measure(ranks: RankContext, folder: str, rounds: int, steps: int = STEPS) -> None:
    """On one rank: median steps per second of each kind; rank 0 writes them."""
    raw = load_spec(Path(folder) / "ml" / "spec.yaml").model_dump(mode="json")
    raw["training"]["batch_size"] = BATCH // ranks.world
    spec = canonical_order(parse_spec(raw))
    loaders = DataLoaders.open(spec, ranks)
    with loaders.pairs(0, KEPT_BATCHES, held_out=True) as pairs:
        kept = [(train, held_out) for train, held_out in pairs if held_out is not None]
    rates: dict[str, list[float]] = {}
    todo = sides(spec, ranks, loaders)
    for turn in range(rounds + 1):
        for name, step in todo.items():
            ranks.barrier()
            began = time.perf_counter()
            for at in range(steps):
                step(at + 1, *kept[at % len(kept)])
            if turn:
                rates.setdefault(name, []).append(steps / (time.perf_counter() - began))
    if ranks.is_leader:
        medians = {name: statistics.median(found) for name, found in rates.items()}
        (Path(folder) / f"{ranks.world}.json").write_text(json.dumps(medians), encoding="utf-8")


def main(source: Annotated[Path, typer.Option(help="The raw MovieLens-100K.")], rounds: int = 9) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare_100k(source, Path(folder) / "ml")
        print(f"| workers (global batch {BATCH}) | no gate | gate, joint | gate, bilevel |\n|---|---|---|---|")
        for world in (1, 2):
            mp.spawn(start_rank, args=(world, folder, rounds), nprocs=world)
            found = json.loads((Path(folder) / f"{world}.json").read_text(encoding="utf-8"))
            print(f"| {world} | " + " | ".join(f"{rate:.0f}" for rate in found.values()) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
