"""The loop that makes what runs agree with what the store says, one testable step at a time.

A step looks after every unfinished job: lease it, look at Ray and the run directory outside any session, then apply
what was seen where the lease still stands. Anything may die between any two lines: the next step, here or in
another replica, finds the same facts again.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.orm import Session, sessionmaker

from service.clock import Clock, utc_now
from service.engine import Engine, Status
from service.settings import Settings
from service.states import JobState, may_follow
from service.store import jobs
from service.store.tables import Job
from trainers.run_directory import RunDirectory, read_json, write_json

log = structlog.get_logger()


@dataclass(frozen=True)
class Seen:
    """What a run looks like from outside."""

    status: Status
    progress: dict[str, Any] | None
    prune_list: dict[str, Any] | None
    failure: str | None


class Reconciler:
    """One replica's loop. `owner` names it in leases."""

    def __init__(self, sessions: sessionmaker[Session], engine: Engine, settings: Settings, now: Clock = utc_now):
        self.sessions, self.engine, self.settings, self.now = sessions, engine, settings, now
        self.owner = uuid.uuid4().hex

    def step(self) -> int:
        """Look after every unfinished job once; how many there were. One job's trouble never stops another's."""
        with self.sessions() as session:
            waiting = list(jobs.unfinished(session))
        for job_id in waiting:
            try:
                self._look_after(job_id)
            except Exception as error:
                log.warning("reconcile failed; tried again", job_id=job_id, error=repr(error))
        return len(waiting)

    def _look_after(self, job_id: str) -> None:
        with self.sessions.begin() as session:
            job = jobs.lease(session, job_id, self.owner, self.now(), self.settings.lease_seconds)
        if job is None:
            return
        directory = RunDirectory(self.settings.run_directory(job_id))
        status = self.engine.status(job_id)
        seen = look(directory, status)
        if job.cancel_requested and seen.prune_list is None:
            self._cancel(job, seen)
        elif status is Status.UNKNOWN and seen.prune_list is None:
            self._start(job, directory.path)
        else:
            self._apply(job_id, seen)

    def _start(self, job: Job, directory: Path) -> None:
        """Submit by job id: Ray has one job of an id, so a second submission, here or elsewhere, starts nothing."""
        if job.attempt > self.settings.max_resubmissions:
            self._give_up(job)
            return
        write_json(directory / "submitted.json", job.spec)
        self.engine.submit(job.id, directory)
        with self.sessions.begin() as session:
            current = jobs.held(session, job.id, self.owner, self.now())
            if current is not None:
                current.attempt += 1
                jobs.move(session, current, JobState.STARTING, self.now())

    def _give_up(self, job: Job) -> None:
        reason = (
            f"Ray was handed this job {job.attempt} times, and knows none of it any more: its head is restarted or "
            "replaced again and again; see to the cluster, then submit the job anew"
        )
        with self.sessions.begin() as session:
            current = jobs.held(session, job.id, self.owner, self.now())
            if current is not None:
                jobs.move(session, current, JobState.FAILED, self.now(), reason)

    def _cancel(self, job: Job, seen: Seen) -> None:
        if seen.status is Status.RUNNING:
            self.engine.stop(job.id)
            return
        with self.sessions.begin() as session:
            current = jobs.held(session, job.id, self.owner, self.now())
            if current is not None:
                jobs.move(session, current, JobState.CANCELLED, self.now(), "cancelled on request")

    def _apply(self, job_id: str, seen: Seen) -> None:
        with self.sessions.begin() as session:
            job = jobs.held(session, job_id, self.owner, self.now())
            if job is None:
                return
            now = self.now()
            if JobState(job.state) is JobState.QUEUED:
                # A replica handed it to Ray and died, or was too slow to hear of it, before it could say so.
                jobs.move(session, job, JobState.STARTING, now)
            if seen.progress is not None and seen.progress != job.progress:
                job.progress, job.updated_at = seen.progress, now
            stage = _state_of(seen.progress)
            if stage is not None and may_follow(JobState(job.state), stage):
                jobs.move(session, job, stage, now)
            if seen.status is Status.ENDED or (seen.status is Status.UNKNOWN and seen.prune_list):
                self._end(session, job, seen, now)

    def _end(self, session: Session, job: Job, seen: Seen, now: datetime) -> None:
        """A run that left a prune list succeeded, whatever its exit code says of the guard."""
        if seen.prune_list is not None:
            job.prune_list = seen.prune_list
            jobs.move(session, job, JobState.SUCCEEDED, now, seen.prune_list["guard"]["reason"])
        else:
            jobs.move(session, job, JobState.FAILED, now, seen.failure or "the run ended without a prune list")


def look(directory: RunDirectory, status: Status) -> Seen:
    """Read a run directory. The status is taken first, so that an ended run's files are all there."""
    progress = read_json(directory.progress) if directory.progress.exists() else None
    prune_list = read_json(directory.prune_list) if directory.prune_list.exists() else None
    return Seen(status, progress, prune_list, _failure(directory))


def _failure(directory: RunDirectory) -> str | None:
    """The newest reason that a run left. A line that a killed run left half written is passed over."""
    if not directory.events.exists():
        return None
    failure = None
    for line in directory.events.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["kind"] == "failed":
            failure = str(entry["data"].get("reason"))
    return failure


def _state_of(progress: dict[str, Any] | None) -> JobState | None:
    stage = (progress or {}).get("stage")
    return JobState(stage) if stage in {"searching", "ranking", "finetuning", "evaluating"} else None
