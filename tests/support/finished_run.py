"""A finished run's directory, written by hand: what the report and the terminal read, without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainers.metrics.quality import Metrics
from trainers.pipeline.results_writer import write_history
from trainers.pruning.curve import FeatureScore, ranking_prefixes
from trainers.pruning.rules import decide
from trainers.runs.convergence import Polarization
from trainers.runs.coordinator import Coordinator, Snapshot
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.history import GateHistory
from trainers.runs.prune_list import PruneList, judge, listed, polarization_of, totals
from trainers.spec import JobSpec

FULL = Metrics(auc=0.75, gauc=0.71, logloss=0.5, ne=0.9, rows=12_345, base_rate=0.25)
FINETUNED = Metrics(auc=0.7495, gauc=0.712, logloss=0.501, ne=0.902, rows=12_345, base_rate=0.25)


def finished_run(
    path: Path,
    *,
    names: tuple[str, ...] = ("clicks", "user_id", "weekday", "noise_1", "noise_2"),
    essential: tuple[str, ...] = (),
    snapshots: int = 3,
    full: Metrics = FULL,
    finetuned: Metrics = FINETUNED,
    converged: bool = True,
) -> RunDirectory:
    """Gates fall evenly from 1 to 0 in the names' order; those of 0.6 or more are kept."""
    run = RunDirectory(path)
    spec = _spec(len(names))
    gate_F = np.linspace(1.0, 0.0, len(names), dtype=np.float32)
    scores = [
        FeatureScore(
            name=name,
            kind="categorical",
            dim=4,
            score=float(gate),
            divergence=0.25 * place,
            endurance=float(gate),
            essential=name in essential,
            embedding_bytes=1600,
            bytes_per_example=8.0,
        )
        for place, (name, gate) in enumerate(zip(names, gate_F, strict=True))
    ]
    decisions = decide(scores, spec.prune, [])
    found = PruneList(
        name=spec.name,
        features=listed(scores, decisions),
        before=totals(scores, set(names)),
        after=totals(scores, {decision.name for decision in decisions if decision.keep}),
        metrics={"full": full.as_dict(), "pruned": FULL.as_dict(), "finetuned": finetuned.as_dict()},
        guard=judge(spec.prune.guard, full, finetuned),
        polarization=polarization_of(Polarization.of(gate_F), converged),
        fingerprints={"spec": "1" * 64},
    ).sealed()
    write_json(run.spec, _as_named(spec, names))
    write_json(run.prune_list, found.model_dump(mode="json"))
    write_json(run.metrics, {**found.metrics, **_metrics(scores, snapshots)})
    final = _history(names, gate_F, snapshots)
    write_history(run, final)
    history = GateHistory(run.history, names)
    history.extend(0, 0, final.snapshots)
    history.flush()
    return run


def truth_file(path: Path, roles: dict[str, str]) -> Path:
    path.write_text(json.dumps({"features": {name: {"role": role} for name, role in roles.items()}}), encoding="utf-8")
    return path


def _spec(count: int) -> JobSpec:
    features = [{"name": f"f{place}", "kind": "categorical", "dim": 4, "hash_size": 100} for place in range(count)]
    dataset = {"train": "train", "validation": "validation", "test": "test", "label": "label"}
    whole = {"name": "first-run", "dataset": dataset, "features": features, "prune": {"threshold": 0.6}}
    return JobSpec.model_validate(whole)


def _as_named(spec: JobSpec, names: tuple[str, ...]) -> dict[str, Any]:
    """With names that a spec itself would refuse."""
    content = spec.model_dump(mode="json")
    for feature, name in zip(content["features"], names, strict=True):
        feature["name"] = name
    return content


def _history(names: tuple[str, ...], gate_F: np.ndarray[Any, Any], snapshots: int) -> Coordinator:
    final = Coordinator(names)
    random = np.random.default_rng(0)
    for step in range(50, 50 * snapshots + 1, 50):
        noise_F = random.normal(0, 0.05, len(names)).astype(np.float32)
        now_F = np.clip(1 + (gate_F - 1) * step / (50 * snapshots) + noise_F, 0, 1)
        final.snapshots.append(Snapshot(step, 50, now_F, now_F, 0.5, 0.5, 0.01, 100, 1.0))
    return final


def _metrics(scores: list[FeatureScore], snapshots: int) -> dict[str, Any]:
    return {
        "curve": [
            {"features": len(kept), "dims": 4 * len(kept), "embedding_bytes": 1600 * len(kept)}
            | {"logloss": 0.5 + 0.1 / len(kept), "auc": 0.75 - 0.1 / len(kept), "gauc": None}
            for kept in ranking_prefixes(scores, 64)
        ],
        "delta": 0.001,
        "stages": {"searching": 12.0, "total": 20.0},
        "rows_per_second": 4321.0,
        "steps": 50 * snapshots,
        "attempts": 1,
        "converged": {"gates": True, "model": False},
        "features": [
            {"name": score.name, "dim": 4, "embedding_bytes": 1600, "bytes_per_example": 8.0, "sparsity": 0.25}
            for score in scores
        ],
    }
