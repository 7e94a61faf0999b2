"""The coordinator: merges what the ranks report into one history, each step counted once. No torch, no Ray.

A launcher puts one of these behind a Ray actor or behind pipes; everything here is plain and tested without either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.runs.convergence import (
    count_by_tenth,
    crossing_share,
    gates_converged,
    loss_converged,
    measure_polarization,
)
from trainers.runs.outcome import Outcome
from trainers.runs.progress import MAX_COUNT, MAX_GATES, Convergence, Progress, RankStatus, RunState, Stage

Details = dict[str, NDArray[np.float32]]


# Snapshots over which speeds are averaged.
PACE = 20


@dataclass(frozen=True)
class Report:
    """What one rank saw over the `steps` steps that end at `step`.

    `gate_F` are the selector's scores at `step`, `details` arrays (F) of what else it tells of features, by name, such
    as LeAP's divergence. Losses are sums over the steps in nats, `seconds` is wall time; `decode_seconds` passed beside
    it, on the reading threads. `embedding_bytes` are the weights of this rank's part of the tables. `held_out_auc` is
    of the newest held-out rows, None unless they have both classes.
    """

    attempt: int
    rank: int
    step: int
    steps: int
    gate_F: NDArray[np.float32]
    loss: float
    held_out_loss: float
    penalty: float
    rows: int
    seconds: float
    decode_seconds: float = 0.0
    embedding_bytes: int = 0
    held_out_auc: float | None = None
    details: Details = field(default_factory=dict)


@dataclass
class Snapshot:
    """The ranks' reports of one step, merged. `seed_number` counts a search's seeds in the order of their training."""

    step: int
    steps: int
    gate_F: NDArray[np.float32]
    loss: float
    held_out_loss: float
    penalty: float
    rows: int
    seconds: float
    held_out_auc: float | None = None
    details: Details = field(default_factory=dict)
    seed_number: int = 1

    @classmethod
    def merge(cls, reports: list[Report], seed_number: int = 1) -> Snapshot:
        """Gates, details, losses and AUC averaged over the ranks, rows summed; the slowest rank sets the time."""
        steps, count = reports[0].steps, len(reports)
        aucs = [r.held_out_auc for r in reports if r.held_out_auc is not None]
        return cls(
            step=reports[0].step,
            steps=steps,
            gate_F=np.mean([r.gate_F for r in reports], axis=0, dtype=np.float32),
            details={
                name: np.mean([r.details[name] for r in reports], axis=0, dtype=np.float32)
                for name in reports[0].details
            },
            loss=sum(r.loss for r in reports) / (steps * count),
            held_out_loss=sum(r.held_out_loss for r in reports) / (steps * count),
            penalty=sum(r.penalty for r in reports) / (steps * count),
            rows=sum(r.rows for r in reports),
            seconds=max(r.seconds for r in reports),
            held_out_auc=sum(aucs) / len(aucs) if aucs else None,
            seed_number=seed_number,
        )


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run can't go on, whatever is tried: its spec or its data are wrong, or a worker's error comes again."""

    reason: str
    is_of_spec: bool


@dataclass
class Coordinator:
    """Merges reports idempotently by (attempt, rank, step) and keeps the gate history of a run.

    An attempt begins at the step of its checkpoint: what an earlier attempt reported beyond it is dropped, because
    those steps are run again, and what an earlier attempt still sends is refused.
    """

    features: tuple[str, ...]
    clock: Callable[[], float] = time.time
    attempt: int = -1
    world: int = 0
    stage: Stage = Stage.STARTING
    step: int = 0
    total_steps: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    pending: dict[int, dict[int, Report]] = field(default_factory=dict)
    outcome: Outcome | None = None
    failed: Failure | None = None
    # Of workers: rank, or -1 for any, error, and the stage and step that it came at.
    crashes: set[tuple[int, str, Stage, int]] = field(default_factory=set)
    # Seconds by stage; `workers` is the part of `starting` until they ran.
    stages: dict[str, float] = field(default_factory=dict)
    # Of the current attempt.
    ranks: dict[int, RankStatus] = field(default_factory=dict)
    # Of the slowest rank, with steps that were lost and run again.
    decode_seconds: float = 0.0
    # When a step was last counted, or a stage began.
    advanced_at: float = 0.0
    # Of a search that is over.
    search_steps: int = 0
    # Which of how many seeds the search trains.
    seed_number: int = 1
    seeds: int = 1
    _stage_began: float = 0.0
    _opened: int = -1

    def __post_init__(self) -> None:
        self._stage_began = self.advanced_at = self.clock()

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> None:
        """Start or join an attempt that goes on after `step`; `saved` fills a history that was lost."""
        if attempt <= self.attempt:
            return
        self.attempt, self.world, self.step = attempt, world, step
        history = self.snapshots or list(saved or [])
        self.snapshots = [snapshot for snapshot in history if snapshot.step <= step]
        self.pending.clear()
        self.ranks.clear()

    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> None:
        """The ranks have moved to another stage; `total_steps` is what it will take, 0 where that isn't counted."""
        if attempt < self.attempt or stage == self.stage:
            return
        if self.stage is Stage.SEARCHING:
            self.search_steps = self.step
        now = self.clock()
        self.stages[self.stage] = self.stages.get(self.stage, 0.0) + now - self._stage_began
        self.stage, self.total_steps = stage, min(total_steps, MAX_COUNT)
        self._stage_began = self.advanced_at = now
        if stage is not Stage.SEARCHING:
            self.step = 0

    def begin_seed(self, attempt: int, number: int, seeds: int) -> None:
        """The search trains the model of another seed, the `number`-th of `seeds`."""
        if attempt == self.attempt:
            self.seed_number, self.seeds = number, seeds

    def report(self, report: Report) -> bool:
        """Take one rank's report. Returns False where it is refused: an old attempt's, or a step already merged."""
        merged = self.snapshots[-1].step if self.snapshots else 0
        if report.attempt != self.attempt or report.step <= merged:
            return False
        ranks = self.pending.setdefault(report.step, {})
        ranks[report.rank] = report
        now = self.clock()
        self.ranks[report.rank] = RankStatus(
            rank=report.rank, step=report.step, embedding_bytes=report.embedding_bytes, reported_at=now
        )
        if len(ranks) == self.world:
            self.snapshots.append(Snapshot.merge([ranks[rank] for rank in sorted(ranks)], self.seed_number))
            self.decode_seconds += max(each.decode_seconds for each in ranks.values())
            del self.pending[report.step]
            self.step, self.advanced_at = report.step, now
        return True

    def advance(self, attempt: int, step: int) -> None:
        """The position within a stage that takes no gate snapshots."""
        if attempt == self.attempt and step != self.step:
            self.step, self.advanced_at = step, self.clock()

    def finish(self, attempt: int, outcome: Outcome) -> None:
        if attempt == self.attempt:
            self.enter(attempt, Stage.DONE)
            self.outcome = outcome

    def open_attempt(self) -> int:
        """The number of the next attempt; `begin` makes it the current one. The first says when workers were up."""
        self.stages.setdefault("workers", self.clock() - self._stage_began)
        self._opened = max(self._opened, self.attempt) + 1
        return self._opened

    def fail(self, attempt: int, reason: str) -> None:
        """Record why the run can't go on, whatever is tried: a wrong spec or wrong data."""
        if attempt >= self.attempt:
            self.failed = Failure(reason=reason, is_of_spec=True)

    def crash(self, rank: int, error: str) -> None:
        """Record what ended a worker, once an attempt. It may be the machine's, and is tried again; an error that comes
        twice, the run having got no further, would come again."""
        self._note_crash(rank, f"worker {rank + 1}", error)

    def lose(self, cause: str) -> None:
        """Record the signal that ended a worker, as a predicate; whichever it was, it is counted as one crash is."""
        self._note_crash(-1, "the run", f"a worker {cause}")

    def _note_crash(self, rank: int, who: str, error: str) -> None:
        crash = (rank, error, self.stage, self.step)
        # Whose peer was killed fails too, by an error that says less.
        if crash in self.crashes and (self.failed is None or (rank < 0 and not self.failed.is_of_spec)):
            reason = f"{who} failed twice at step {self.step} of {self.stage} by the same error: {error}"
            self.failed = Failure(reason=reason, is_of_spec=False)
        self.crashes.add(crash)

    def failure(self) -> Failure | None:
        return self.failed

    def snapshot(self) -> Coordinator:
        """Itself: what an actor's owner reads at the end."""
        return self

    def flush(self) -> None:
        """Reports arrive at once here; behind an actor this waits for them."""

    @property
    def steps_counted(self) -> int:
        """Steps that the search has trained, each counted once; those without gates are known when it is over."""
        return max(self.search_steps, sum(snapshot.steps for snapshot in self.snapshots))

    def history(self) -> list[Snapshot]:
        return list(self.snapshots)

    def since(self, attempt: int, count: int) -> tuple[int, int, list[Snapshot]]:
        """The current attempt, a position, and the snapshots from that position on.

        A reader passes the attempt and the number of snapshots that it has. The position is 0, and the reader begins
        anew, where these aren't the beginning of this history.
        """
        first = count if attempt == self.attempt and count <= len(self.snapshots) else 0
        return self.attempt, first, self.snapshots[first:]

    def mean_gate(self, warmup: int) -> NDArray[np.float32] | None:
        """The gates' mean over the snapshots after step `warmup`, when they were penalized (F); None without one."""
        penalized = [snapshot.gate_F for snapshot in self.snapshots if snapshot.step > warmup]
        return np.mean(penalized, axis=0) if penalized else None

    @property
    def of_newest_seed(self) -> list[Snapshot]:
        """The snapshots of the seed that is trained, or was last: with another seed gates begin anew."""
        return [snapshot for snapshot in self.snapshots if snapshot.seed_number == self.seed_number]

    def by_seed(self) -> list[list[Snapshot]]:
        """The snapshots of each seed that has some, in the order of their training."""
        return [list(seed) for _, seed in groupby(self.snapshots, key=lambda snapshot: snapshot.seed_number)]

    def convergence(self) -> Convergence | None:
        """Whether gates and model of every seed so far came to rest; None without a snapshot of the newest one."""
        if not self.of_newest_seed:
            return None
        found = [is_converged(seed) for seed in self.by_seed()]
        return Convergence(gates=all(each.gates for each in found), model=all(each.model for each in found))

    def progress(self) -> Progress:
        """What progress.json holds and the terminal shows."""
        done = self.stage is Stage.DONE
        return Progress(
            state=self._state(),
            stage=self.stage,
            step=self.steps_counted if done else self.step,
            total_steps=self.steps_counted if done else self.total_steps,
            attempt=self.attempt,
            advanced_at=self.advanced_at,
            stages=dict(self.stages),
            **self._seed(),
            **(self._measured() if self.snapshots else {}),
        )

    def _seed(self) -> dict[str, int]:
        """Which of several seeds is being trained."""
        if self.seeds == 1 or self.stage is not Stage.SEARCHING:
            return {}
        return {"seed_number": self.seed_number, "seeds": self.seeds}

    def _state(self) -> RunState:
        if self.failed:
            return RunState.FAILED
        return RunState.SUCCEEDED if self.stage is Stage.DONE else RunState.RUNNING

    def _measured(self) -> dict[str, Any]:
        """Fields of `Progress` that the newest snapshots fill."""
        last = self.snapshots[-1]
        rows, steps, seconds = _pace(self.snapshots)
        step_seconds = seconds / max(1, steps)
        recent_TF = np.stack([snapshot.gate_F for snapshot in (self.of_newest_seed or self.snapshots)[-10:]])
        gates = zip(self.features[:MAX_GATES], last.gate_F.tolist(), strict=False)
        left = max(0, self.total_steps - self.step)
        return {
            "loss": last.loss,
            "held_out_loss": last.held_out_loss,
            "penalty": last.penalty,
            "rows_per_second": rows / seconds if seconds else 0.0,
            "steps_per_second": steps / seconds if seconds else 0.0,
            "step_seconds": step_seconds,
            "decode_seconds": self.decode_seconds,
            "eta": left * step_seconds if self.stage is Stage.SEARCHING else None,
            "ranks": tuple(self.ranks[rank] for rank in sorted(self.ranks)),
            "polarization": measure_polarization(last.gate_F),
            "crossing_share": crossing_share(recent_TF),
            "gate_counts": count_by_tenth(last.gate_F),
            "gate_sum": float(last.gate_F.sum()),
            "converged": self.convergence(),
            "gates": {name: round(gate, 4) for name, gate in gates},
        }


def is_converged(snapshots: Sequence[Snapshot]) -> Convergence:
    """Whether gates and model have come to rest by the end of these snapshots, which are of one seed."""
    gate_TF = np.stack([snapshot.gate_F for snapshot in snapshots[-20:]])
    losses = [snapshot.held_out_loss or snapshot.loss for snapshot in snapshots[-40:]]
    return Convergence(gates=gates_converged(gate_TF), model=loss_converged(losses))


def _pace(snapshots: Sequence[Snapshot]) -> tuple[int, int, float]:
    """Rows, steps and seconds of the newest snapshots, of which all speeds and the time left are told: one of them
    alone would make the time left jump. The first of a run is slower than the others, and counts where it is alone."""
    recent = snapshots[1:][-PACE:] or snapshots[:1]
    return sum(s.rows for s in recent), sum(s.steps for s in recent), sum(s.seconds for s in recent)
