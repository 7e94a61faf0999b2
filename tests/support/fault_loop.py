"""The job loop in processes of their own, killed or stopped at its fault points, over an engine kept in files.

A job's spec has a plot: how its attempts go. The parent writes the plots, forgets and cancels; the children loop.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any, ClassVar, cast

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from service.core import fault_points
from service.jobs.reconciler import Reconciler
from service.ray.client import EngineError, Status, Work
from service.settings import Settings
from service.store import events, jobs
from service.store.database import connect, open_database
from service.store.tables import Event, Job
from tests.support.documents import progress, prune_list
from trainers.runs.directory import RunDirectory, write_json

# What each plot ends as, and the attempts it takes; None where that depends on when it was cancelled.
PLOTS: dict[str, tuple[str, int | None]] = {
    "succeeds": ("succeeded", 1),
    "wrong": ("failed", 1),
    "dies": ("succeeded", 2),
    "lost": ("succeeded", 2),
    "cancelled": ("cancelled", None),
    "check": ("succeeded", 1),
}
PRUNE_LIST = prune_list(passed=True, reason="auc held")
STAGES = ("searching", "ranking", "evaluating")
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.fault_loop", "tests.support.fault_deliveries"])


@dataclass(frozen=True)
class FileEngine:
    """As Ray does, it takes an id once. A run goes on by a stage whenever its status is asked for."""

    folder: Path

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.folder / "state.json"
            state = json.loads(path.read_text()) if path.exists() else {"runs": {}, "accepted": [], "overlaps": 0}
            yield state
            write_json(path, state)

    def submit(self, submission_id: str, work: Work) -> None:
        job = submission_id.rpartition("-")[0]
        with self._state() as state:
            runs = state["runs"]
            if submission_id in runs:
                raise EngineError(f"{submission_id} already exists")
            state["overlaps"] += any(name.startswith(job) and run["state"] == "running" for name, run in runs.items())
            state["accepted"].append(submission_id)
            spec = json.loads((work.directory / "submitted.json").read_text())
            runs[submission_id] = {"state": "running", "asked": 0, "plot": spec["plot"], "at": str(work.directory)}

    def status(self, submission_id: str) -> Status:
        with self._state() as state:
            run = state["runs"].get(submission_id)
            if run is None or run["state"] == "forgotten":
                return Status.UNKNOWN
            if run["state"] == "running":
                run["asked"] += 1
                self._go_on(run, first=submission_id.endswith("-1"))
            return Status(run["state"])

    def _go_on(self, run: dict[str, Any], *, first: bool) -> None:
        directory, plot, asked = RunDirectory(Path(run["at"])), run["plot"], run["asked"]
        waits = plot == "cancelled" or (plot == "lost" and first)
        if asked <= len(STAGES) or waits:
            write_json(directory.progress, progress(stage=STAGES[min(asked, len(STAGES)) - 1], step=asked))
            return
        run["state"] = "ended"
        if plot == "wrong":
            directory.record("failed", reason="label: 7", fault="user")
        elif plot == "check":
            write_json(directory.path / "check.json", {"splits": {}})
        elif plot != "dies" or not first:
            write_json(directory.prune_list, PRUNE_LIST)

    def forget(self, submission_id: str) -> None:
        with self._state() as state:
            state["runs"][submission_id]["state"] = "forgotten"

    def explain(self, submission_id: str) -> str | None:
        return "exit code 137"

    def stop(self, submission_id: str) -> None:
        with self._state() as state:
            state["runs"][submission_id]["state"] = "ended"

    def healthy(self) -> bool:
        return True

    @property
    def told(self) -> dict[str, Any]:
        with self._state() as state:
            return state


def loop(settings: Settings, ahead: float, steps: int, fault: str) -> None:
    """A child: so many steps, at a clock that is `ahead` of this machine's, by seconds."""
    if fault:
        os.environ[fault_points.VARIABLE] = fault
    sessions = sessionmaker(open_database(settings.database), expire_on_commit=False)
    events.install(sessions)
    engine = FileEngine(settings.home / "engine")
    loop = Reconciler(sessions, engine, settings, lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    for _ in range(steps):
        if loop.step() == 0:
            break


@dataclass
class Theatre:
    """A store and an engine, with jobs of all plots, and children that loop over them."""

    settings: Settings
    ahead: float = 0.0
    plots: dict[str, str] = field(default_factory=dict)
    points: ClassVar[tuple[str, ...]] = fault_points.JOB_POINTS

    def __post_init__(self) -> None:
        self.sessions: sessionmaker[Session] = connect(self.settings.database)
        self.engine = FileEngine(self.settings.home / "engine")
        self._next = cycle(PLOTS)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def add(self, plot: str) -> str:
        with self.sessions.begin() as session:
            job = jobs.create(session, {"name": plot, "plot": plot}, self.now, dry_run=plot == "check")
            self.plots[job.id] = plot
            return job.id

    def add_more(self) -> None:
        self.add(next(self._next))

    def add_all(self) -> None:
        """Jobs that between them come by every point."""
        self.add("dies")
        self.add("cancelled")

    @property
    def work(self) -> str:
        return f"{len(self.plots)} jobs"

    def meddle(self, *, early: bool) -> None:
        """Forget what is to be lost, once it is known to run; cancel what is to be cancelled, then or before."""
        with self.sessions.begin() as session:
            for job in session.scalars(select(Job).where(Job.ended_at.is_(None))):
                plot = self.plots[job.id]
                if plot == "lost" and job.attempt == 1 and job.state in STAGES:
                    self.engine.forget(f"{job.id}-1")
                if plot == "cancelled" and (early or job.state in STAGES):
                    jobs.request_cancel(session, job, "parent", self.now)

    def child(self, fault: str = "", steps: int = 4) -> multiprocessing.process.BaseProcess:
        child = PROCESSES.Process(target=loop, args=(self.settings, self.ahead, steps, fault))
        child.start()
        return cast(multiprocessing.process.BaseProcess, child)

    def play_out(self) -> None:
        """Let children that nobody kills bring all to an end."""
        for _ in range(20):
            self.ahead += 60
            self.meddle(early=True)
            child = self.child(steps=10)
            child.join(timeout=120)
            assert child.exitcode == 0
            with self.sessions() as session:
                if session.scalar(select(Job.id).where(Job.ended_at.is_(None)).limit(1)) is None:
                    return

    def faults_found(self) -> dict[str, list[str]]:
        """What went wrong: jobs that didn't end as their plot has it, were started twice, or lack an event."""
        told = self.engine.told
        accepted = Counter(name.rpartition("-")[0] for name in told["accepted"])
        found: dict[str, list[str]] = {"lost": [], "doubled": [], "events": []}
        found["doubled"] += [name for name, count in Counter(told["accepted"]).items() if count > 1]
        found["doubled"] += ["overlap"] * told["overlaps"]
        with self.sessions() as session:
            for job in session.scalars(select(Job)):
                state, attempts = PLOTS[self.plots[job.id]]
                if job.state != state:
                    found["lost"].append(f"{job.id}: {job.state} instead of {state}")
                if attempts is not None and accepted[job.id] != attempts:
                    found["doubled"].append(f"{job.id}: {accepted[job.id]} attempts instead of {attempts}")
                if not whole(job, [(each.kind, each.data) for each in events.after(session, 0, 1000, job_id=job.id)]):
                    found["events"].append(job.id)
        return found

    def content(self) -> list[tuple[object, ...]]:
        """All of the jobs but who holds their leases, all events, and what the engine took."""
        kept = [column for column in Job.__table__.columns if not column.name.startswith("lease")]
        with self.sessions() as session:
            rows = [*session.execute(select(*kept).order_by(Job.number))]
            told = [*session.execute(select(Event.number, Event.kind).order_by(Event.number))]
        return [*(tuple(row) for row in [*rows, *told]), tuple(self.engine.told["accepted"])]

    def close(self) -> None:
        self.sessions.kw["bind"].dispose()


def whole(job: Job, told: list[tuple[str, dict[str, Any]]]) -> bool:
    """Whether the events tell of every change of state, once each."""
    moves = [(data["from"], data["to"]) for kind, data in told if kind == "job.state"]
    joined = all(before[1] == after[0] for before, after in pairwise(moves))
    starts = sum(to == "starting" for _, to in moves)
    cancels = sum(kind == "job.cancel_requested" for kind, _ in told)
    return (
        [kind for kind, _ in told].count("job.queued") == 1
        and joined
        and moves[0][0] == "queued"
        and moves[-1][1] == job.state
        and starts in {job.attempt, job.attempt - 1 if job.cancel_requested else job.attempt}
        and cancels == int(job.cancel_requested)
    )
