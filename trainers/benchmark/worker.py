"""One cell, computed in the process at hand: the search of a run, or a retraining as `winnow retrain` makes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from trainers.benchmark.cells import Ranked
from trainers.benchmark.memory import PeakMemory
from trainers.data.constants import find_constants
from trainers.pipeline.retrain import retrain
from trainers.pipeline.sampling import find_copies
from trainers.pipeline.search import rank_rows
from trainers.pipeline.searches import open_search
from trainers.problems import one_line
from trainers.runs.coordinator import Coordinator
from trainers.selectors.base import Ranking, TabularSpec
from trainers.spec import JobSpec, SpecError
from trainers.spec.order import canonical_order
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext, compute_threads

# What a cell says of itself; the driver makes a `Cell` of it.
Answer = dict[str, Any]


def work(connection: Connection, _shared: str, kind: str, spec: str) -> None:
    """What a forked worker of the local pool does; see `trainers.launch.template.Task`."""
    torch.set_num_threads(compute_threads(1))
    connection.send(compute(kind, spec))


def compute(kind: str, spec: str) -> Answer:
    """A cell's result, or under `reason` why there is none.

    Args:
        kind: "search" or "retrain".
        spec: the cell's job as JSON.
    """
    job = JobSpec.model_validate_json(spec)
    try:
        return _search(job) if kind == "search" else _retrain(job)
    except (SpecError, FloatingPointError) as error:
        return {"reason": " ".join(str(error).split())}
    except Exception as error:  # One cell that fails doesn't end the others.
        return {"reason": one_line(error)}


def _search(job: JobSpec) -> Answer:
    own, ranks = canonical_order(job), RankContext()
    peak, began = PeakMemory(), time.perf_counter()
    loaders = DataLoaders.open(own, ranks)
    steps = 0
    if isinstance(own.selector, TabularSpec):
        ranking = rank_rows(own)
        copies = tuple(find_copies(own, loaders.sources))
        constant = frozenset(find_constants(own, loaders.sources["train"]))
    else:
        found = open_search(own, ranks, Coordinator(tuple(own.dims)), NoCheckpoints()).run(loaders)
        ranking, steps = found.ranking, found.steps
        copies, constant = tuple(found.copies), frozenset(found.constant)
    seconds = time.perf_counter() - began
    ranked = Ranked(
        names=ranking.names,
        scores=_plain(ranking),
        copies=copies,
        constant=tuple(sorted(constant)),
        diagnostics=dict(ranking.diagnostics),
        steps=steps,
        epochs=steps / loaders.train.steps_per_epoch,
    )
    ranked.order(job)  # Raises ValueError where the method ranks other features than the spec's.
    return {"ranked": ranked.document(), "seconds": seconds, "peak_bytes": peak.bytes()}


def _plain(ranking: Ranking) -> dict[str, float]:
    return {name: float(score) for name, score in ranking.scores.items()}


def _retrain(job: JobSpec) -> Answer:
    names = [feature.name for feature in job.features]
    peak, began = PeakMemory(), time.perf_counter()
    (quality,) = retrain(job, names, 1, lambda seed, found: None)
    seconds = time.perf_counter() - began
    return {"quality": quality.document(), "seconds": seconds, "peak_bytes": peak.bytes()}


@dataclass(frozen=True)
class NoCheckpoints:
    """A cell begins anew where it was killed: it is what is cached."""

    @contextmanager
    def latest(self) -> Iterator[Path | None]:
        yield None

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Nothing is kept."""
