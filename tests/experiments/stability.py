"""Whether another seed chooses the same features: the first k of rankings over one seed, and over several.

    python -m tests.experiments.stability ../shared/data/census/spec.yaml --k 10,17 --runs 5 --seeds 3

Runs share no seed. What a run over several seeds ranks is the aggregate of what searches of one seed each rank, and so
each seed is searched once, and every number of seeds up to the largest is told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from trainers.pipeline.search import open_search
from trainers.pruning.ranking import rank_features
from trainers.runs.coordinator import Coordinator
from trainers.selectors.aggregation import aggregate, mean_jaccard
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, load_spec
from trainers.spec.order import canonical_order
from trainers.training.checkpoint import DirectoryCheckpoints, Finished, read_finished, write_finished
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext


def rank(spec: JobSpec, seed: int) -> Ranking:
    """The ranking of a search over one seed, on one rank."""
    training = spec.training.model_copy(update={"seed": seed, "seeds": 1})
    own, ranks = canonical_order(spec.model_copy(update={"training": training})), RankContext()
    with tempfile.TemporaryDirectory() as temporary:
        search = open_search(own, ranks, Coordinator(tuple(own.dims)), DirectoryCheckpoints(Path(temporary)))
        return search.run(DataLoaders.open(own, ranks)).ranking


def overlap(spec: JobSpec, runs: Sequence[Sequence[Ranking]], k: int) -> float:
    """Mean Jaccard over all pairs of runs of the k best features, each run over the seeds that it has rankings of."""
    found = [rank_features(spec, aggregate(rankings)) for rankings in runs]
    return mean_jaccard([{feature.name for feature in features[:k]} for features in found])


def measure(
    spec: JobSpec, counts: Sequence[int], runs: int, seeds: int, rank: Callable[[int], Ranking]
) -> dict[int, list[float]]:
    """By number of seeds, from 1 to `seeds`: the overlap for each count. `rank` gives the ranking of a seed."""
    first = spec.training.seed
    found = [[rank(first + run * seeds + place) for place in range(seeds)] for run in range(runs)]
    return {
        over: [overlap(spec, [rankings[:over] for rankings in found], k) for k in counts]
        for over in range(1, seeds + 1)
    }


def main(
    spec: Path,
    k: Annotated[str, typer.Option(help="Numbers of features, separated by commas.")],
    runs: Annotated[int, typer.Option(min=2)] = 5,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    cache: Annotated[Path | None, typer.Option(help="A folder of rankings, read and added to.")] = None,
) -> None:
    torch.set_num_threads(1)
    job, counts = load_spec(spec), [int(each) for each in k.split(",")]

    def remembered(seed: int) -> Ranking:
        if cache is None:
            return rank(job, seed)
        own = cache / str(seed)
        if not (kept := read_finished(own)).rankings:
            kept = Finished((rank(job, seed),))
            own.mkdir(parents=True, exist_ok=True)
            write_finished(own, kept)
        return kept.rankings[0]

    found = measure(job, counts, runs, seeds, remembered)
    print(f"| {job.name}: seeds of a run | " + " | ".join(f"Jaccard of the first {each}" for each in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for over, values in found.items():
        print(f"| {over} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
