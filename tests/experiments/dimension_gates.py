"""Gates on dims: MovieLens-1M with half of its dims against all of them, retrained from new weights.

    python -m tests.experiments.dimension_gates --source ../shared/data/ml-1m

Beside the chosen dims stands every table cut to the same share of its dims. The search reads training and validation
rows alone; the test split is read once per retrained model. Of each seed, one search chooses the dims, and all models
are trained from the same seed.
"""

from __future__ import annotations

import statistics
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from tests.experiments.search import search
from trainers.datasets.movielens import prepare_1m
from trainers.metrics.significance import compare_seeds
from trainers.pipeline.retrain import retrain
from trainers.pruning.dims import Kept, gather
from trainers.pruning.ranking import rank_features
from trainers.pruning.rules import decide
from trainers.runs.results import Quality
from trainers.spec import JobSpec, PruneSpec, load_spec
from trainers.spec.order import canonical_order
from trainers.training.ranks import compute_threads

LIMIT = 0.0005  # of AUC, that half of the dims may cost
# Adam on the tables: Adagrad's steps have shrunk before so few rows an id are learned.
RETRAINING = {"epochs": 10, "batch_size": 1024, "embedding_optimizer": "adam", "learning_rate": 1e-3,
              "weight_decay": 1e-5}  # fmt: skip


def choose(spec: JobSpec, share: float, seed: int) -> Kept:
    """What a search with gates on dims keeps of a share of the dims."""
    selector = {"name": "leap", "granularity": "dim", "update": "bilevel", "target_dims": share}
    raw = spec.model_dump(mode="json", exclude={"selector", "prune"})
    raw["training"]["seed"] = seed
    own = canonical_order(JobSpec.model_validate({**raw, "selector": selector}))
    found = search(own)
    units = rank_features(own, found.ranking, found.copies, found.constant)
    return gather(own, units, decide(units, PruneSpec(rule="dims", share=share), []))


def measure(spec: JobSpec, names: Sequence[str], kept_dims: Mapping[str, Sequence[int]], seed: int) -> Quality:
    """Test metrics of one model of these features and dims."""
    training = spec.training.model_copy(update={**RETRAINING, "seed": seed})
    own = spec.model_copy(update={"training": training})
    (found,) = retrain(own, names, 1, lambda seed, metrics: None, kept_dims=kept_dims)
    return found


def describe(kept: Kept) -> str:
    widths = {feature.name: len(kept.columns.get(feature.name, range(feature.dim))) for feature in kept.features}
    return ", ".join(f"{name} {widths[name]}" for name in kept.names)


def halve(spec: JobSpec, share: float) -> dict[str, tuple[int, ...]]:
    """Every feature with the same share of its dims, whoever needs them: at least one."""
    widths = {name: max(1, int(share * dim)) for name, dim in spec.dims.items()}
    return {name: tuple(range(width)) for name, width in widths.items() if width < spec.dims[name]}


def with_dim(spec: JobSpec, dim: int | None) -> JobSpec:
    """The spec with embeddings of another dim."""
    if dim is None:
        return spec
    return spec.model_copy(update={"features": tuple(each.model_copy(update={"dim": dim}) for each in spec.features)})


def main(
    source: Annotated[Path, typer.Option(help="The data as published.")],
    share: Annotated[float, typer.Option(help="Of the dims, what stays.")] = 0.5,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    dim: Annotated[int | None, typer.Option(min=2, help="Of every embedding, before; the spec's unless given.")] = None,
) -> None:
    torch.set_num_threads(compute_threads(1))
    warnings.simplefilter("ignore")
    found: dict[str, list[Quality]] = {"all": [], "chosen": [], "every table cut alike": []}
    with tempfile.TemporaryDirectory() as temporary:
        spec = with_dim(load_spec(prepare_1m(source, Path(temporary) / "ml")), dim)
        every = list(spec.dims)
        for seed in range(seeds):
            kept = choose(spec, share, seed)
            dims = {each.name: each.kept_dims for each in kept.features if each.kept_dims is not None}
            for label, names, kept_dims in (
                ("all", every, {}),
                ("chosen", kept.names, dims),
                ("every table cut alike", every, halve(spec, share)),
            ):
                found[label].append(measure(spec, names, kept_dims, seed))
                print(f"seed {seed}, {label}: {found[label][-1].auc:.5f}", flush=True)
            print(f"seed {seed}: {describe(kept)}", flush=True)
    for label in ("chosen", "every table cut alike"):
        mean = statistics.mean(each.auc or 0.0 for each in found[label])
        change = compare_seeds(found[label], found["all"])["auc"]
        verdict = "within" if change.mean >= -LIMIT else "beyond"
        print(
            f"{share:.0%} of dims, {label}: test AUC {mean:.5f}, {change.mean:+.5f} against all, "
            f"95% {change.interval}: {verdict} {LIMIT}"
        )


if __name__ == "__main__":
    typer.run(main)
