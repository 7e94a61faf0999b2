"""MovieLens: what the search chooses at four and at two fields, retrained from scratch; whether gates polarize.

    python -m tests.experiments.movielens 100k --source ../shared/data/ml-100k
    python -m tests.experiments.movielens 1m --source ../shared/data/ml-1m

Fields are chosen from training and validation rows alone; the test split is read once per retrained model.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer

from tests.experiments.search import rank
from trainers.datasets.movielens import prepare_1m, prepare_100k
from trainers.pipeline.retrain import retrain
from trainers.pruning.ranking import RankedFeature
from trainers.runs.convergence import HIGH, LOW
from trainers.spec import JobSpec, load_spec
from trainers.training.ranks import compute_threads

app = typer.Typer()
Source = Annotated[Path, typer.Option(help="The data as published.")]
# α at which what is not needed closes; choices leave it to the controller.
POLARIZING = {"100k": 0.015, "1m": 0.004}
# Adam on the tables: Adagrad's steps have shrunk before so few rows an id are learned.
RETRAINING = {
    "epochs": 20,
    "batch_size": 256,
    "embedding_optimizer": "adam",
    "learning_rate": 3e-4,
    "weight_decay": 1e-5,
}


def choose(spec: JobSpec, count: int) -> list[str]:
    """The `count` best fields, α steered until no more of them stand open."""
    scores = rank(spec, target_dims=count / len(spec.features))
    print("  gates at", count, "·", gates(scores), flush=True)
    return [score.name for score in scores[:count]]


def gates(scores: Iterable[RankedFeature]) -> str:
    return " ".join(f"{score.name} {score.score:.2f}" for score in scores)


def worth(spec: JobSpec, names: list[str]) -> float:
    """Test AUC of the fields, mean over three seeds."""
    training = spec.training.model_copy(update=RETRAINING)
    found = retrain(spec.model_copy(update={"training": training}), names, 3, lambda seed, metrics: None)
    return statistics.mean(metrics.auc or 0.0 for metrics in found)


def compare(spec: JobSpec, counts: Iterable[int], sets: Mapping[str, list[str]]) -> dict[str, float]:
    """AUC of Winnow's choices and of other sets, by label."""
    chosen = {f"Winnow's {count}: {', '.join(names)}": names for count in counts if (names := choose(spec, count))}
    aucs = {}
    for label, names in {**chosen, **sets}.items():
        aucs[label] = worth(spec, names)
        print(f"  {label} · {aucs[label]:.4f}", flush=True)
    return aucs


def polarized(spec: JobSpec, alpha: float) -> None:
    scores = rank(spec, alpha=alpha, target_dims=None)
    parted = sum(score.score < LOW or score.score > HIGH for score in scores)
    print(f"  α {alpha}: {parted} of {len(scores)} gates outside [{LOW}, {HIGH}] · {gates(scores)}", flush=True)


@app.command("100k")
def small(source: Source, splits: int = 4) -> None:
    """MovieLens-100K, over several draws of the 80/10/10 split."""
    torch.set_num_threads(compute_threads(1))
    means: dict[int, list[float]] = {4: [], 2: []}
    for seed in range(splits):
        with tempfile.TemporaryDirectory() as temporary:
            spec = load_spec(prepare_100k(source, Path(temporary) / "ml", seed=seed))
            print(f"split {seed}", flush=True)
            polarized(spec, POLARIZING["100k"])
            sets = {"all nine": list(spec.dims), "user_id, title": ["user_id", "title"]}
            aucs = list(compare(spec, means, sets).values())
            for count, auc in zip(means, aucs, strict=False):
                means[count].append(auc)
    for count, found in means.items():
        print(f"mean over {splits} splits, {count} fields: {statistics.mean(found):.4f}")


@app.command("1m")
def large(source: Source) -> None:
    """MovieLens-1M: nine fields on the rows that have a timestamp, then eight without it on all."""
    torch.set_num_threads(compute_threads(1))
    with tempfile.TemporaryDirectory() as temporary:
        print("rows with a timestamp", flush=True)
        polarized(load_spec(prepare_1m(source, Path(temporary) / "timestamp", timestamp_rows=True)), POLARIZING["1m"])
        spec = load_spec(prepare_1m(source, Path(temporary) / "all"))
        print("all rows", flush=True)
        compare(spec, (4, 2), {"all eight": list(spec.dims), "user_id, title": ["user_id", "title"]})


if __name__ == "__main__":
    app()
