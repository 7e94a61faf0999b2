"""What rankings are worth at a budget: the first k features of each, retrained by models that aren't Winnow's.

    python -m tests.experiments.ranking ../shared/data/census/spec.yaml --k 17,10

Rankings are made from training and validation rows alone; the test split is read by the retrained models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from tests.experiments import search
from tests.experiments.baselines import BASELINES
from tests.experiments.judges import worth
from tests.experiments.tables import Table, read_table
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.ranking import rank_by_gate
from trainers.spec import JobSpec, load_spec

BY_VALUE = "the same gates, by their values"
PAPER_NAME = "LeAP as the paper has it"
RANDOM = "random, best of 3"
DRAWS = 3

Rankings = dict[str, list[str]]


def as_published(spec: JobSpec) -> JobSpec:
    """With LeAP as the paper has it, and the selector's options that the spec gives."""
    given = spec.selector.model_dump(exclude_unset=True)
    return spec.model_copy(update={"selector": LeapSpec.model_validate({**given, "name": "leap", "variant": "paper"})})


def rank_all(spec: JobSpec, table: Table, found: Rankings, tell: Callable[[str, float], None]) -> None:
    """Add every ranking that `found` lacks, by its name; `tell` hears how long each took, once it is there."""

    def winnow() -> list[str]:
        features = search.rank(spec)
        names = [feature.name for feature in features]
        gates = np.array([[feature.score, feature.details["mean_gate"]] for feature in features]).T
        found[BY_VALUE] = list(rank_by_gate(names, *gates).names)
        return names

    ways: dict[str, Callable[[], list[str]]] = {
        "Winnow": winnow,
        PAPER_NAME: lambda: [feature.name for feature in search.rank(as_published(spec))],
        **{name: partial(rank, table, 0) for name, rank in BASELINES.items()},
        **{f"random draw {draw + 1}": partial(_shuffled, table.names, draw) for draw in range(DRAWS)},
    }
    for name, rank in ways.items():
        if name not in found:
            began = time.perf_counter()
            found[name] = rank()
            tell(name, time.perf_counter() - began)


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    return list(np.random.default_rng(seed).permutation(names).tolist())


def measure(
    table: Table,
    rankings: Rankings,
    counts: Sequence[int],
    seeds: int,
    known: dict[str, list[float]],
    keep: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Mean test AUC of both models for each count, by ranking. `known` has those of sets measured before."""
    found: dict[str, list[float]] = {}
    for name, order in rankings.items():
        found[name] = []
        for count in counts:
            key = ",".join(sorted(order[:count]))
            if key not in known:
                known[key] = list(worth(table.only(order[:count]), seeds))
                keep()
            found[name].append(float(np.mean(known[key])))
    return found


def main(
    spec: Annotated[Path, typer.Argument(help="Of a table: every feature one column.")],
    k: Annotated[str, typer.Option(help="Numbers of features, separated by commas.")],
    seeds: int = 2,
    cache: Annotated[Path | None, typer.Option(help="A JSON file of what was measured, read and added to.")] = None,
) -> None:
    torch.set_num_threads(1)
    counts = [int(each) for each in k.split(",")]
    job = load_spec(spec)
    table = read_table(job)
    kept = json.loads(cache.read_text()) if cache is not None and cache.exists() else {"rankings": {}, "worth": {}}

    def tell(name: str, spent: float) -> None:
        print(f"  {name}: {spent:.0f} s", flush=True)
        _keep(cache, kept)

    rank_all(job, table, kept["rankings"], tell)
    found = measure(table, kept["rankings"], counts, seeds, kept["worth"], lambda: _keep(cache, kept))
    everything = ",".join(sorted(table.names))
    kept["worth"].setdefault(everything, list(worth(table, seeds)))
    _keep(cache, kept)
    draws = [found.pop(name) for name in list(found) if name.startswith("random draw")]
    found[RANDOM] = np.max(draws, axis=0).tolist()
    print(f"| {job.name}: ranking | " + " | ".join(f"{count} of {len(table.names)}" for count in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for name, values in found.items():
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    print(f"| all | {np.mean(kept['worth'][everything]):.4f} |" + " |" * (len(counts) - 1))


def _keep(cache: Path | None, kept: dict[str, object]) -> None:
    if cache is not None:
        temporary = cache.with_suffix(".tmp")
        temporary.write_text(json.dumps(kept))
        temporary.replace(cache)


if __name__ == "__main__":
    typer.run(main)
