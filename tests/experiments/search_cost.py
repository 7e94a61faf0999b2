"""What a ranking costs: Winnow's one search, its elimination included, beside permutation importance.

    python -m tests.experiments.search_cost ../shared/data/census/spec.yaml

Permutation importance measures a full model, which has to be trained first, by the rows of the validation split: all
of them, and as many as are 1% of the training rows. Times are of one thread's processor, so that other work on the
machine says little.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import typer

from tests.experiments.search import search
from trainers.data.decode import Decoder
from trainers.data.source import open_splits
from trainers.spec import JobSpec, load_spec, parse_spec

EVERY_ROW = 2**31


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of a ranking.

    Args:
        seconds: of the processor, training included.
        steps: of training.
        passes: of the backbone over the measured rows, after training.
        rows: that were measured.
    """

    seconds: float
    steps: int
    passes: float
    rows: float


def measure(spec: JobSpec, selector: dict[str, Any]) -> Cost:
    raw = spec.model_dump(mode="json", exclude_unset=True)
    asked = parse_spec({**raw, "selector": selector, "prune": {"rule": "top_k", "top_k": 1}})
    began = time.process_time()
    found = search(asked)
    said = found.ranking.diagnostics
    return Cost(
        seconds=time.process_time() - began,
        steps=found.steps,
        passes=float(said.get("passes", said.get("elimination_passes", 0.0))),
        rows=float(said.get("rows", said.get("elimination_rows", 0.0))),
    )


def main(spec: Path) -> None:
    torch.set_num_threads(1)
    job = load_spec(spec)
    rows = open_splits(job.dataset, Decoder(job).columns)["train"].rows
    ways: dict[str, dict[str, Any]] = {
        "Winnow": {"name": "leap"},
        "permutation importance, every validation row": {"name": "permutation", "rows": EVERY_ROW},
        "permutation importance, 1% of the rows": {"name": "permutation", "rows": max(2, rows // 100)},
    }
    # What is compiled and imported is so before anything is timed.
    measure(job.model_copy(update={"training": job.training.model_copy(update={"max_steps": 2})}), ways["Winnow"])
    print(f"| {job.name}, {len(job.features)} features | processor s | steps | passes after training | rows of each |")
    print("|---|---|---|---|---|", flush=True)
    for name, options in ways.items():
        cost = measure(job, options)
        figures = f"{cost.seconds:.1f} | {cost.steps:,} | {cost.passes:,.0f} | {cost.rows:,.0f}"
        print(f"| {name} | {figures} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
