"""The simulator's ground truth against the default settings, over several seeds.

    python -m tests.experiments.simulator --seeds 0,1,2 --rows 200000

The selection of `winnow run` with one worker, in this process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer

from tests.experiments import search
from trainers.runs.directory import read_json
from trainers.runs.prune_list import PruneList
from trainers.simulator import simulate
from trainers.simulator.outcome import RoleOutcome, compare
from trainers.spec import load_spec
from trainers.training.ranks import compute_threads

USEFUL = ("strong", "interaction", "sparse")
USELESS = ("noise", "constant", "memorizable")


@dataclass(frozen=True)
class Found:
    outcomes: Mapping[str, RoleOutcome]
    prune_list: PruneList

    @property
    def lost(self) -> list[str]:
        """Useful features pruned without a copy that stays."""
        return [name for role in USEFUL if role in self.outcomes for name in self.outcomes[role].wrong]

    @property
    def left(self) -> list[str]:
        """Useless features kept."""
        return [name for role in USELESS if role in self.outcomes for name in self.outcomes[role].wrong]

    @property
    def useless(self) -> int:
        return sum(self.outcomes[role].total for role in USELESS if role in self.outcomes)

    @property
    def replaced(self) -> int:
        """Useful features pruned because a copy of them stays."""
        return sum(self.outcomes[role].pruned for role in USEFUL if role in self.outcomes) - len(self.lost)

    def auc(self, model: str) -> float:
        return getattr(self.prune_list.metrics, model).auc or 0.0


def select(features: int, rows: int, seed: int) -> Found:
    """Simulate and select in this process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        simulate(features=features, rows=rows, seed=seed, output=folder / "data")
        found = search.select(load_spec(folder / "data" / "spec.yaml"))
        decisions = {feature.name: feature.decision for feature in found.features}
        outcomes = compare(read_json(folder / "data" / "truth.json"), decisions)
        return Found({outcome.role: outcome for outcome in outcomes}, found)


def main(
    seeds: Annotated[str, typer.Option(help="Separated by commas.")] = "0,1,2",
    features: int = 60,
    rows: int = 200_000,
) -> None:
    torch.set_num_threads(compute_threads(1))
    print("| seed | useful lost | replaced by a kept copy | useless kept | test AUC, full → pruned → fine-tuned |")
    print("|---|---|---|---|---|")
    for seed in map(int, seeds.split(",")):
        found = select(features, rows, seed)
        aucs = " → ".join(f"{found.auc(model):.4f}" for model in ("full", "pruned", "finetuned"))
        lost, left = ", ".join(found.lost) or "0", ", ".join(found.left) or "0"
        print(f"| {seed} | {lost} | {found.replaced} | {left} of {found.useless} | {aucs} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
