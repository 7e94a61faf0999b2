"""Whether another seed chooses the same features: the first k of rankings over one seed, and over several.

    python -m tests.experiments.stability ../shared/data/census/spec.yaml --k 10,17 --runs 5 --seeds 3

Runs share no seed. What a run over several seeds ranks is the aggregate of what searches of one seed each rank, and so
each seed is searched once, and every number of seeds up to the largest is told. Of exact copies the first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from tests.experiments.search import search
from trainers.data.decode import Decoder
from trainers.data.source import open_splits
from trainers.pipeline.sampling import find_copies
from trainers.pipeline.search import combine
from trainers.pruning.ranking import distinct, rank_features
from trainers.selectors.aggregation import mean_jaccard
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, load_spec
from trainers.training.checkpoint import Finished, read_finished, write_finished

Copies = Sequence[tuple[str, ...]]


def rank(spec: JobSpec, seed: int) -> Ranking:
    """The ranking of a search over one seed, on one rank."""
    training = spec.training.model_copy(update={"seed": seed, "seeds": 1})
    return search(spec.model_copy(update={"training": training})).ranking


def copies_of(spec: JobSpec) -> Copies:
    return find_copies(spec, open_splits(spec.dataset, Decoder(spec).columns))


def overlap(spec: JobSpec, runs: Sequence[Sequence[Ranking]], k: int, copies: Copies = ()) -> float:
    """Mean Jaccard over all pairs of runs of the k best features, each run over the seeds that it has rankings of.

    Which of two copies stays is no difference.
    """
    group = {name: names[0] for names in copies for name in names}
    found = [distinct(rank_features(spec, combine(spec, rankings, copies), copies)) for rankings in runs]
    return mean_jaccard([{group.get(feature.name, feature.name) for feature in features[:k]} for features in found])


def measure(
    spec: JobSpec,
    counts: Sequence[int],
    runs: int,
    seeds: int,
    rank: Callable[[int], Ranking],
    copies: Copies = (),
) -> dict[int, list[float]]:
    """By number of seeds, from 1 to `seeds`: the overlap for each count. `rank` gives the ranking of a seed."""
    first = spec.training.seed
    found = [[rank(first + run * seeds + place) for place in range(seeds)] for run in range(runs)]
    return {
        over: [overlap(spec, [rankings[:over] for rankings in found], k, copies) for k in counts]
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

    found = measure(job, counts, runs, seeds, remembered, copies_of(job))
    print(f"| {job.name}: seeds of a run | " + " | ".join(f"Jaccard of the first {each}" for each in counts) + " |")
    print("|---|" + "---|" * len(counts))
    for over, values in found.items():
        print(f"| {over} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
