"""Outcomes of a benchmark written by hand: one data set, one backbone, two ratios, three seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainers.benchmark.outcomes import Outcome
from trainers.benchmark.results import BenchmarkResults
from trainers.benchmark.suite import parse_suite

SUITE = parse_suite(
    {
        "methods": ["leap", "shark", "random", "no_selection"],
        "datasets": ["a.yaml"],
        "retention": [0.25, 0.5],
        "seeds": 3,
    }
)
# By method and ratio, of seeds 0, 1, 2.
AUCS: dict[tuple[str, float], Sequence[float]] = {
    ("leap", 0.5): (0.80, 0.82, 0.84),
    ("shark", 0.5): (0.79, 0.82, 0.83),
    ("random", 0.5): (0.60, 0.62, 0.64),
    ("leap", 0.25): (0.70, 0.70, 0.70),
    ("shark", 0.25): (0.70, 0.70, 0.70),
    ("random", 0.25): (0.50, 0.50, 0.50),
    ("no_selection", 1.0): (0.78, 0.80, 0.82),
}
KEPT = {0: ("a", "b"), 1: ("a", "b"), 2: ("a", "c")}


def outcome(method: str, retention: float, seed: int, auc: float | None, **changed: Any) -> Outcome:
    given: dict[str, Any] = {
        "method": method,
        "backbone": "mlp",
        "dataset": "a",
        "retention": retention,
        "seed": seed,
        "reason": None if auc is not None else "search: broken",
        "kept": () if auc is None else KEPT[seed],
        "features": 2,
        "dims": 8,
        "auc": auc,
        "gauc": None,
        "logloss": None if auc is None else 1 - auc,
        "ne": None,
        "search_seconds": 2.0 + seed,
        "search_epochs": 4.0,
        "search_passes": None,
        "search_peak_bytes": 2**20 * (seed + 1),
        "retrain_seconds": 1.0,
        "retrain_peak_bytes": None,
    }
    return Outcome(**{**given, **changed})


def results(aucs: Mapping[tuple[str, float], Sequence[float | None]]) -> BenchmarkResults:
    outcomes = [outcome(*place, seed, auc) for place, every in aucs.items() for seed, auc in enumerate(every)]
    return BenchmarkResults.make(SUITE, outcomes)
