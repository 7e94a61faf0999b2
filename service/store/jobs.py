"""What can be asked of, and done to, the jobs of the store."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from service.core.job_state import JobState, may_follow
from service.store import events
from service.store.tables import Job


class IllegalMoveError(RuntimeError):
    """A state that can't follow the job's present one."""


def create(
    session: Session,
    spec: dict[str, Any],
    now: datetime,
    *,
    origin: dict[str, Any] | None = None,
    submitted_by: str = "local",
    model: str | None = None,
    **choices: Any,
) -> Job:
    """A queued job and its first event. `choices` are columns of a job: priority, dry_run, deadline, max_failures."""
    job = Job(
        id=f"job-{uuid.uuid4().hex[:20]}",
        name=spec["name"],
        model=model,
        state=JobState.QUEUED.value,
        spec=spec,
        origin=origin or {"kind": "request"},
        submitted_by=submitted_by,
        created_at=now,
        updated_at=now,
        **choices,
    )
    session.add(job)
    session.flush()
    record(session, job, "job.queued", {"origin": job.origin, "by": submitted_by}, now)
    return job


def record(session: Session, job: Job, kind: str, data: dict[str, Any], now: datetime) -> None:
    """Record an event of a job, in the session's transaction."""
    events.record(session, kind, data, now, job_id=job.id, model=job.model)


def move(session: Session, job: Job, state: JobState, now: datetime, reason: str | None = None) -> None:
    """The one place where a job's state changes; records the event. Raises IllegalMoveError."""
    present = JobState(job.state)
    if not may_follow(present, state):
        raise IllegalMoveError(f"job {job.id} is {present}; it can't become {state}")
    job.state, job.updated_at = state.value, now
    if state is JobState.STARTING and job.started_at is None:
        job.started_at = now
    if state.ended:
        job.ended_at = now
    if reason is not None:
        job.reason = reason
    told = {"from": present.value, "to": state.value, "reason": reason, "attempt": job.attempt}
    record(session, job, "job.state", told, now)


def find(session: Session, job_id: str) -> Job | None:
    return session.scalar(select(Job).where(Job.id == job_id))


def page(session: Session, *, state: JobState | None, after: int | None, limit: int) -> Sequence[Job]:
    """Newest first, those older than the job numbered `after`."""
    query = select(Job).order_by(Job.number.desc()).limit(limit)
    if state is not None:
        query = query.where(Job.state == state.value)
    if after is not None:
        query = query.where(Job.number < after)
    return session.scalars(query).all()


def count_by_state(session: Session) -> dict[str, int]:
    rows = session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
    return {state: count for state, count in rows}  # noqa: C416 (rows aren't pairs to mypy)


def request_cancel(session: Session, job: Job, by: str, now: datetime, reason: str | None = None) -> None:
    """Ask for a job to end; asking again changes nothing."""
    if job.cancel_requested:
        return
    job.cancel_requested, job.cancel_requested_at = True, now
    job.reason = reason or job.reason
    record(session, job, "job.cancel_requested", {"by": by}, now)


def lease(session: Session, job_id: str, owner: str, now: datetime, seconds: float) -> Job | None:
    """Take or prolong the lease; None where another holds it. One statement, so that two replicas can't both win."""
    free: ColumnElement[bool] = or_(Job.lease_owner == owner, Job.lease_until.is_(None), Job.lease_until < now)
    taken = session.execute(
        update(Job)
        .where(Job.id == job_id, free)
        .values(lease_owner=owner, lease_until=now + timedelta(seconds=seconds))
        .execution_options(synchronize_session=False)
    )
    return find(session, job_id) if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def get_if_leased(session: Session, job_id: str, owner: str, now: datetime) -> Job | None:
    """The job, where `owner` still holds it: what is applied after work outside the session is guarded by this."""
    mine = (Job.id == job_id, Job.lease_owner == owner, Job.lease_until > now)
    return session.scalar(select(Job).where(*mine).with_for_update())
