"""An engine that plays runs instead of training: every file a run leaves, written by the run's own writers.

Gates start near each other and part by a fate drawn from the feature's name; a speed says how long it takes.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.ray.client import Status, Work
from tests.support.qualities import model_quality
from tests.support.rankings import in_order
from trainers.pruning.curve import ranking_prefixes
from trainers.pruning.diagnostics import gate_diagnostics, gate_warning
from trainers.pruning.guard import evaluate_guard
from trainers.pruning.listing import list_features, list_weights, sum_totals
from trainers.pruning.ranking import RankedFeature
from trainers.pruning.rules import decide
from trainers.runs.convergence import measure_polarization
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import RunDirectory, write_json, write_text
from trainers.runs.history import GateHistory
from trainers.runs.progress import MAX_GATES, Convergence, Progress, RankStatus, RunState, Stage
from trainers.runs.prune_list import LEAP, PruneList
from trainers.runs.results import CurvePoint, ModelQuality, Quality, Results
from trainers.spec import JobSpec

STEPS_A_SNAPSHOT = 50


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A run of so many snapshots, with a pause after each; `fails` ends it by a reason instead. `auc` is that of the
    fine-tuned model, where the full one has 0.7812."""

    snapshots: int = 60
    pause: float = 0.0
    fails: str | None = None
    auc: float = 0.7815


class RehearsalEngine:
    """`pace` gives a run's pace by its spec's name, and may be replaced between submissions."""

    def __init__(self, pace: Callable[[str], Pace] = lambda name: Pace()) -> None:
        self.pace = pace
        self._runs: dict[str, threading.Thread] = {}
        self._stopped: set[str] = set()
        self._closed = threading.Event()

    def submit(self, submission_id: str, work: Work) -> None:
        run = threading.Thread(target=self._play, args=(submission_id, work), daemon=True)
        self._runs[submission_id] = run
        run.start()

    def status(self, submission_id: str) -> Status:
        run = self._runs.get(submission_id)
        if run is None:
            return Status.UNKNOWN
        return Status.RUNNING if run.is_alive() else Status.ENDED

    def explain(self, submission_id: str) -> str | None:
        return None

    def stop(self, submission_id: str) -> None:
        self._stopped.add(submission_id)

    def healthy(self) -> bool:
        return True

    def close(self) -> None:
        """End every run: a thread that is writing while the interpreter ends takes the process down with it."""
        self._closed.set()
        for run in list(self._runs.values()):
            run.join(timeout=60)

    def _play(self, submission_id: str, work: Work) -> None:
        spec = JobSpec.model_validate(json.loads((work.directory / "submitted.json").read_text(encoding="utf-8")))
        if work.dry_run:
            write_text(work.directory / "check.json", json.dumps({"ok": True}))
            return

        def stopped() -> bool:
            return self._closed.is_set() or submission_id in self._stopped

        play(RunDirectory(work.directory), spec, self.pace(spec.name), stopped)


def play(run: RunDirectory, spec: JobSpec, pace: Pace, stopped: Callable[[], bool] = lambda: False) -> None:
    """Fill a run directory as a run of this spec does."""
    names = tuple(feature.name for feature in spec.features)
    fate_F, divergence_F = fates(names)
    write_json(run.spec, spec.model_dump(mode="json"))
    write_text(run.log, f"{spec.name}: 2 workers are up\n")
    history = GateHistory(run.history, names)
    for count in range(pace.snapshots):
        if stopped():
            return
        snapshot = _snapshot(count, pace.snapshots, fate_F, divergence_F)
        history.extend(0, count, [snapshot])
        if pace.pause or count == pace.snapshots - 1:
            history.flush()
            write_json(run.progress, _progress(names, snapshot, pace.snapshots).document())
            with run.log.open("a", encoding="utf-8") as log:
                log.write(f"step {snapshot.step}: loss {snapshot.loss:.4f}\n")
        time.sleep(pace.pause)
    if pace.fails:
        run.record("failed", reason=pace.fails, fault="user")
        return
    _finish(run, spec, snapshot, pace)


def fates(names: tuple[str, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """By feature where its gate goes, and its divergence; some stay undecided."""
    draws = np.array([zlib.crc32(name.encode()) for name in names], dtype=np.float64) / 2**32
    fate_F = np.where(draws < 0.42, 4.5, np.where(draws < 0.92, -4.5, 0.4)) * (0.6 + draws * 0.8)
    return fate_F.astype(np.float32), (np.abs(np.sin(draws * 997)) * 2).astype(np.float32)


def _snapshot(count: int, of: int, fate_F: NDArray[np.float32], divergence_F: NDArray[np.float32]) -> Snapshot:
    share = (count + 1) / of
    noise_F = np.random.default_rng(count).normal(0, 0.25, len(fate_F))
    gate_F = (1 / (1 + np.exp(-(fate_F * share**1.3 + noise_F * (1.2 - share))))).astype(np.float32)
    loss = 0.45 + 0.2 * float(np.exp(-4 * share))
    return Snapshot(
        step=STEPS_A_SNAPSHOT * (count + 1), steps=STEPS_A_SNAPSHOT, gate_F=gate_F,
        loss=loss, held_out_loss=loss + 0.01, penalty=0.02 * float(gate_F.mean()), rows=51_200, seconds=2.5,
        details={"divergence": divergence_F},
    )  # fmt: skip


def _progress(names: tuple[str, ...], snapshot: Snapshot, of: int) -> Progress:
    now = time.time()
    return Progress(
        state=RunState.RUNNING, stage=Stage.SEARCHING, step=snapshot.step, total_steps=STEPS_A_SNAPSHOT * of,
        attempt=0, loss=snapshot.loss, penalty=snapshot.penalty, held_out_loss=snapshot.held_out_loss,
        rows_per_second=20_480.0, steps_per_second=20.0, step_seconds=0.05, decode_seconds=1.0,
        advanced_at=now, eta=0.05 * STEPS_A_SNAPSHOT * of - 0.05 * snapshot.step,
        polarization=measure_polarization(snapshot.gate_F),
        crossing_share=0.05, converged=Convergence(gates=False, model=False),
        ranks=tuple(
            RankStatus(rank=rank, step=snapshot.step, embedding_bytes=2**22, reported_at=now) for rank in (0, 1)
        ),
        gates=dict(zip(names[:MAX_GATES], snapshot.gate_F[:MAX_GATES].tolist(), strict=False)),
    )  # fmt: skip


def _finish(run: RunDirectory, spec: JobSpec, snapshot: Snapshot, pace: Pace) -> None:
    scores = [
        RankedFeature(
            name=feature.name,
            kind=feature.kind,
            dim=feature.dim,
            score=1.0 if essential else float(gate),
            details={"divergence": float(divergence), "mean_gate": float(gate)},
            essential=essential,
            embedding_bytes=4 * feature.dim * getattr(feature, "table_rows", 0),
            bytes_per_example=8.0 if feature.kind != "dense" else 4.0,
        )
        for feature, gate, divergence in zip(
            spec.features, snapshot.gate_F, snapshot.details["divergence"], strict=True
        )
        for essential in [feature.status == "essential"]
    ]
    scores = in_order(scores)
    decisions = decide(scores, spec.prune, [])
    kept = {decision.name for decision in decisions if decision.keep}
    metrics = model_quality(
        full=Quality(auc=0.7812, gauc=0.7431, logloss=0.4412, ne=0.83, rows=120_000, base_rate=0.21),
        pruned=Quality(auc=0.7788, gauc=0.7402, logloss=0.4431, ne=0.835, rows=120_000, base_rate=0.21),
        finetuned=Quality(auc=pace.auc, gauc=0.7436, logloss=0.4410, ne=0.829, rows=120_000, base_rate=0.21),
    )
    parted = measure_polarization(snapshot.gate_F)
    found = PruneList(
        name=spec.name,
        selector=LEAP,
        features=list_features(scores, decisions),
        before=sum_totals(spec.features),
        after=sum_totals(feature for feature in spec.features if feature.name in kept),
        metrics=metrics,
        guard=evaluate_guard(spec.prune.guard, metrics),
        diagnostics={**gate_diagnostics(parted), "converged": True},
        warning=gate_warning(parted),
        fingerprints={"spec": f"{zlib.crc32(spec.model_dump_json().encode()):064x}"},
    ).with_id()
    write_json(run.metrics, _results(metrics, scores, pace.snapshots).document())
    write_json(run.prune_list, found.document())


def _results(metrics: ModelQuality, scores: Sequence[RankedFeature], snapshots: int) -> Results:
    by_name = {score.name: score for score in scores}
    curve = tuple(
        CurvePoint(
            features=len(kept),
            dims=sum(by_name[name].dim for name in kept),
            embedding_bytes=sum(by_name[name].embedding_bytes for name in kept),
            logloss=0.4405 + 0.03 * float(np.exp(-6 * len(kept) / len(scores))),
            auc=0.782 - 0.02 * float(np.exp(-6 * len(kept) / len(scores))),
            gauc=None,
        )
        for kept in ranking_prefixes(scores, 64)
    )
    return Results(
        full=metrics.full,
        pruned=metrics.pruned,
        finetuned=metrics.finetuned,
        differences=metrics.differences,
        curve=curve,
        delta=0.001,
        stages={"starting": 12.0, "searching": 2.5 * snapshots, "ranking": 4.0, "total": 2.5 * snapshots + 40},
        rows_per_second=20_480.0,
        steps=STEPS_A_SNAPSHOT * snapshots,
        attempts=1,
        converged=Convergence(gates=True, model=True),
        features=tuple(
            weight.model_copy(update={"sparsity": round(share, 4), "auc": round(0.5 + 0.2 * share, 4)})
            for weight in list_weights(scores)
            for share in [by_name[weight.name].details["divergence"] / 2]
        ),
    )


def playing(path: Path, spec: dict[str, Any], snapshots: int = 60) -> RunDirectory:
    """A finished run's directory at `path`."""
    run = RunDirectory(path)
    run.path.mkdir(parents=True, exist_ok=True)
    play(run, JobSpec.model_validate(spec), Pace(snapshots=snapshots))
    return run
