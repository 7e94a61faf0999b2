"""A search, and a whole selection, on one rank and in this process: what the other experiments measure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from trainers.pipeline.results_writer import write_results
from trainers.pipeline.search import Found
from trainers.pipeline.searches import open_search
from trainers.pipeline.selection import Selection
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory
from trainers.runs.prune_list import PruneList
from trainers.spec import JobSpec, parse_spec
from trainers.spec.order import canonical_order
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext


def search(spec: JobSpec) -> Found:
    """The model and the ranking that a run's search leaves."""
    own, ranks = canonical_order(spec), RankContext()
    with tempfile.TemporaryDirectory() as temporary:
        searched = open_search(own, ranks, Coordinator(tuple(own.dims)), DirectoryCheckpoints(Path(temporary)))
        return searched.run(DataLoaders.open(own, ranks))


def rank(spec: JobSpec, **selector: Any) -> list[RankedFeature]:
    """Features in the order of the ranking, with other options of the selector where they are given."""
    if selector:
        raw = spec.model_dump(mode="json")
        spec = parse_spec({**raw, "selector": {**raw["selector"], **selector}})
    found = search(spec)
    return rank_features(spec, found.ranking, found.copies, found.constant)


def select(spec: JobSpec) -> PruneList:
    """The prune list of a run, its guard included."""
    own = canonical_order(spec)
    coordinator = Coordinator(tuple(own.dims))
    with tempfile.TemporaryDirectory() as temporary:
        checkpoints = DirectoryCheckpoints(Path(temporary) / "checkpoints")
        outcome = Selection(spec, RankContext(), coordinator, checkpoints).run()
        assert outcome is not None
        coordinator.finish(0, outcome)
        (folder := Path(temporary) / "run").mkdir()
        return write_results(spec, RunDirectory(folder), coordinator, {})
