"""Attempts of jobs: who may start one, and what a run may write.

An attempt is live from the transaction that raises its job's number until one gives it an outcome. Limits count live
attempts, so that a job holds its place among the running ones before anything of it reaches Ray.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from service.core.job_state import ENDED, JobState, may_follow
from service.store import jobs
from service.store.progress import without_gates
from service.store.tables import Attempt, Event, Job
from trainers.runs.progress import Progress, Stage

START_LOCK = 0x7374617274  # any number of ours: "start" in ASCII
CONSIDERED = 1000  # of the waiting jobs in one look at the queue
ENDED_STATES = [state.value for state in ENDED]
STAGES = frozenset({Stage.SEARCHING, Stage.RANKING, Stage.FINETUNING, Stage.EVALUATING})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many jobs may run at once: in all, of one model, and dry runs, which are counted apart."""

    jobs: int
    per_model: int
    checks: int

    def admit(self, running: Mapping[tuple[bool, str | None], int], dry_run: bool, model: str | None) -> bool:
        """Whether another job may start beside those that run, counted by dry run and model."""
        of_kind = sum(count for (dry, _), count in running.items() if dry is dry_run)
        if dry_run:
            return of_kind < self.checks
        return of_kind < self.jobs and (model is None or running.get((False, model), 0) < self.per_model)


def due(session: Session, now: datetime) -> Sequence[str]:
    """Jobs to look after, oldest first: those that were handed over, and waiting ones that are to end."""
    to_end = or_(Job.cancel_requested, Job.deadline <= now)
    wanted = or_(Job.state != JobState.QUEUED.value, _live(), to_end)
    return session.scalars(select(Job.id).where(Job.state.not_in(ENDED_STATES), wanted).order_by(Job.number)).all()


def startable(session: Session, now: datetime, limits: Limits) -> list[tuple[str, int]]:
    """Waiting jobs for which there is room, in the order in which they start, each with its newest attempt's number."""
    running = _running(session)
    rows = session.execute(
        select(Job.id, Job.attempt, Job.dry_run, Job.model)
        .where(Job.state == JobState.QUEUED.value, ~_live(), *_may_begin(now))
        .order_by(Job.priority.desc(), Job.number)
        .limit(CONSIDERED)
    ).all()
    chosen = []
    for job_id, attempt, dry_run, model in rows:
        if limits.admit(running, dry_run, model):
            running[dry_run, model] += 1
            chosen.append((job_id, attempt))
    return chosen


def claim(session: Session, job_id: str, number: int, token_hash: str, now: datetime, limits: Limits) -> Job | None:
    """Make attempt `number` of a job whose lease the caller has just taken; None where it may not begin.

    Claims are made one at a time, over all replicas, so that no two find the same room.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": START_LOCK})
    waiting = (Job.id == job_id, Job.attempt == number - 1, Job.state == JobState.QUEUED.value, ~_live())
    job = session.scalar(select(Job).where(*waiting, *_may_begin(now)).with_for_update())
    if job is None or not limits.admit(_running(session), job.dry_run, job.model):
        return None
    job.attempt, job.not_before, job.reason, job.updated_at = number, None, None, now
    session.add(Attempt(job_id=job_id, number=number, token_hash=token_hash, reports=0, started_at=now))
    return job


def _may_begin(now: datetime) -> tuple[ColumnElement[bool], ...]:
    ready = or_(Job.not_before.is_(None), Job.not_before <= now)
    in_time = or_(Job.deadline.is_(None), Job.deadline > now)
    return (~Job.cancel_requested, ready, in_time)


def _live() -> ColumnElement[bool]:
    newest = (Attempt.job_id == Job.id, Attempt.number == Job.attempt, Attempt.outcome.is_(None))
    return select(Attempt.number).where(*newest).exists()


def _running(session: Session) -> Counter[tuple[bool, str | None]]:
    """Live attempts by dry run and model."""
    query = select(Job.dry_run, Job.model, func.count()).where(Job.state.not_in(ENDED_STATES), _live())
    rows = session.execute(query.group_by(Job.dry_run, Job.model))
    return Counter({(dry_run, model): count for dry_run, model, count in rows})


def get_locked(session: Session, job_id: str, number: int) -> tuple[Job, Attempt] | None:
    """An attempt and its job, which nobody else changes until the transaction ends."""
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    attempt = None if job is None else session.get(Attempt, (job_id, number))
    return None if job is None or attempt is None else (job, attempt)


def newest_attempt(session: Session, job: Job) -> Attempt | None:
    return session.get(Attempt, (job.id, job.attempt))


def close(session: Session, job: Job, outcome: str, reason: str | None, now: datetime) -> None:
    """Give the newest attempt its outcome, where it has none."""
    attempt = newest_attempt(session, job)
    if attempt is not None and attempt.outcome is None:
        attempt.outcome, attempt.reason, attempt.ended_at = outcome, reason, now


def postpone(job: Job, now: datetime, seconds: float) -> None:
    """Let no attempt of a job begin within so many seconds."""
    job.not_before = now + timedelta(seconds=seconds)


def record_progress(
    session: Session, job: Job, progress: Progress | None, now: datetime, snapshot_seconds: float
) -> None:
    """Note what a run says of itself: its stage, its progress, and a snapshot where the last one is old enough.

    What comes sooner is held back until then, and not lost where nothing follows it.
    """
    if JobState(job.state) is JobState.QUEUED:
        # It was handed to Ray by a replica that died, or was too slow, before it could say so.
        jobs.move(session, job, JobState.STARTING, now)
    if progress is not None and progress.document() != job.progress:
        job.progress, job.updated_at = progress.document(), now
        if progress.stage in STAGES and may_follow(JobState(job.state), JobState(progress.stage.value)):
            jobs.move(session, job, JobState(progress.stage.value), now)
    if job.progress is None:
        return
    last = _last_snapshot(session, job.id)
    if last is not None and now - last.time < timedelta(seconds=snapshot_seconds):
        return
    shown = without_gates(job.progress)
    if last is None or last.data["progress"] != shown:
        jobs.record(session, job, "job.snapshot", {"attempt": job.attempt, "progress": shown}, now)


def _last_snapshot(session: Session, job_id: str) -> Event | None:
    query = select(Event).where(Event.job_id == job_id, Event.kind == "job.snapshot")
    return session.scalar(query.order_by(Event.number.desc()).limit(1))
