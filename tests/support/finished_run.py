"""A finished run's directory, written by hand: what the report and the terminal read, without training."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.qualities import model_quality
from tests.support.rankings import in_order, totals_of
from trainers.pipeline.results_writer import write_history
from trainers.pruning.budget import describe_use
from trainers.pruning.curve import ranking_prefixes
from trainers.pruning.diagnostics import gate_diagnostics, gate_warning, still_moving
from trainers.pruning.guard import evaluate_guard
from trainers.pruning.listing import list_features, list_weights
from trainers.pruning.ranking import RankedFeature
from trainers.pruning.rules import decide
from trainers.runs.convergence import measure_polarization
from trainers.runs.coordinator import Coordinator, Snapshot
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.history import GateHistory
from trainers.runs.progress import Convergence
from trainers.runs.prune_list import LEAP, PruneList
from trainers.runs.results import CurvePoint, ModelQuality, Quality, Results
from trainers.spec import JobSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FULL = Quality(auc=0.75, gauc=0.71, logloss=0.5, ne=0.9, rows=12_345, base_rate=0.25)
FINETUNED = Quality(auc=0.7495, gauc=0.712, logloss=0.501, ne=0.902, rows=12_345, base_rate=0.25)


def finished_run(
    path: Path,
    *,
    names: tuple[str, ...] = ("clicks", "user_id", "weekday", "noise_1", "noise_2"),
    essential: tuple[str, ...] = (),
    snapshots: int = 3,
    full: Quality = FULL,
    finetuned: Quality = FINETUNED,
    converged: bool = True,
    prune: dict[str, Any] | None = None,
) -> RunDirectory:
    """Gates fall evenly from 1 to 0 in the names' order; those of 0.6 or more are kept, unless `prune` has a rule."""
    run = RunDirectory(path)
    spec = _spec(names, prune or {"threshold": 0.6})
    gate_F = np.linspace(1.0, 0.0, len(names), dtype=np.float32)
    scores = [
        RankedFeature(
            name=name,
            kind="categorical",
            dim=4,
            score=float(gate),
            details={"divergence": 0.25 * place, "mean_gate": float(gate)},
            essential=name in essential,
            embedding_bytes=1600,
            bytes_per_example=8.0,
        )
        for place, (name, gate) in enumerate(zip(names, gate_F, strict=True))
    ]
    scores = in_order(scores)
    decisions = decide(scores, spec.prune, [])
    budget = spec.prune.budget(4 * len(names))
    parted, metrics = measure_polarization(gate_F), model_quality(full, FULL, finetuned)
    found = PruneList(
        name=spec.name,
        selector=LEAP,
        features=list_features(scores, decisions),
        before=totals_of(scores, set(names)),
        after=totals_of(scores, {decision.name for decision in decisions if decision.keep}),
        metrics=metrics,
        guard=evaluate_guard(spec.prune.guard, metrics),
        budget=None if budget is None else describe_use(scores, decisions, budget, gates=True),
        diagnostics={**gate_diagnostics(parted), "converged": converged},
        warning=gate_warning(parted)
        or (None if converged else still_moving([np.stack([gate_F, gate_F])], 50 * snapshots)),
        fingerprints={"spec": "1" * 64},
    ).with_id()
    write_json(run.spec, spec.model_dump(mode="json"))
    write_json(run.prune_list, found.document())
    write_json(run.metrics, _results(metrics, scores, snapshots).document())
    final = _history(names, gate_F, snapshots)
    write_history(run, final)
    history = GateHistory(run.history, names)
    history.extend(0, 0, final.snapshots)
    history.flush()
    return run


def keep_dims(run: RunDirectory, **kept: tuple[int, ...]) -> None:
    """Let features of a finished run stay with these dims alone."""
    found = run.read_prune_list()
    assert found is not None
    features = tuple(each.model_copy(update={"kept_dims": kept.get(each.name)}) for each in found.features)
    write_json(run.prune_list, found.model_copy(update={"features": features}).with_id().document())


def truth_file(path: Path, roles: dict[str, str]) -> Path:
    path.write_text(json.dumps({"features": {name: {"role": role} for name, role in roles.items()}}), encoding="utf-8")
    return path


def _spec(names: tuple[str, ...], prune: dict[str, Any]) -> JobSpec:
    """A name that a spec refuses is the column of a feature there."""
    allowed = [name if NAME.fullmatch(name) else f"f{place}" for place, name in enumerate(names)]
    features = [
        {"name": feature, "column": column, "kind": "categorical", "dim": 4, "hash_size": 100}
        for feature, column in zip(allowed, names, strict=True)
    ]
    dataset = {"train": "train", "validation": "validation", "test": "test", "label": "label"}
    whole = {"name": "first-run", "dataset": dataset, "features": features, "prune": prune}
    return JobSpec.model_validate(whole)


def _history(names: tuple[str, ...], gate_F: np.ndarray[Any, Any], snapshots: int) -> Coordinator:
    final = Coordinator(names)
    random = np.random.default_rng(0)
    for step in range(50, 50 * snapshots + 1, 50):
        noise_F = random.normal(0, 0.05, len(names)).astype(np.float32)
        now_F = np.clip(1 + (gate_F - 1) * step / (50 * snapshots) + noise_F, 0, 1)
        details = {"divergence": now_F}
        final.snapshots.append(Snapshot(step, 50, now_F, 0.5, 0.5, 0.01, 100, 1.0, details=details))
    return final


def _results(metrics: ModelQuality, scores: Sequence[RankedFeature], snapshots: int) -> Results:
    sizes = [len(kept) for kept in ranking_prefixes(scores, 64)]
    return Results(
        full=metrics.full,
        pruned=metrics.pruned,
        finetuned=metrics.finetuned,
        differences=metrics.differences,
        curve=tuple(
            CurvePoint(
                features=size,
                dims=4 * size,
                embedding_bytes=1600 * size,
                logloss=0.5 + 0.1 / size,
                auc=0.75 - 0.1 / size,
                gauc=None,
            )
            for size in sizes
        ),
        delta=0.001,
        stages={"searching": 12.0, "total": 20.0},
        rows_per_second=4321.0,
        steps=50 * snapshots,
        attempts=1,
        converged=Convergence(gates=True, model=False),
        features=tuple(weight.model_copy(update={"sparsity": 0.25}) for weight in list_weights(scores)),
    )
