"""Lists of jobs, and the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, defer

from service.core.job_state import ENDED, JobState
from service.store.tables import Attempt, Job

# A spec or a list of thousands of features is megabytes; lists of jobs show neither.
LIGHT = (defer(Job.spec, raiseload=True), defer(Job.prune_list, raiseload=True))


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which jobs; None and empty mean any. `name` is how it begins, `origin` is the origin's kind."""

    states: Collection[JobState] = ()
    model: str | None = None
    name: str | None = None
    submitted_by: str | None = None
    origin: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    dry_run: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters as conditions of SQL, all of which a job has to fit."""
        found: list[ColumnElement[bool]] = []
        if self.states:
            found.append(Job.state.in_([state.value for state in self.states]))
        if self.name:
            found.append(Job.name.startswith(self.name, autoescape=True))
        if self.origin is not None:
            found.append(Job.origin["kind"].as_string() == self.origin)
        if self.created_after is not None:
            found.append(Job.created_at > self.created_after)
        if self.created_before is not None:
            found.append(Job.created_at < self.created_before)
        same = ((Job.model, self.model), (Job.submitted_by, self.submitted_by), (Job.dry_run, self.dry_run))
        return found + [column == wanted for column, wanted in same if wanted is not None]


def page(session: Session, filters: Filters, before: int | None, limit: int) -> Sequence[Job]:
    """Newest first, those older than the job numbered `before`."""
    query = select(Job).where(*filters.conditions()).order_by(Job.number.desc()).limit(limit).options(*LIGHT)
    if before is not None:
        query = query.where(Job.number < before)
    return session.scalars(query).all()


def position(session: Session, job: Job) -> int | None:
    """Place in the queue of a job, from 1; None where it doesn't wait. Counted in an index, without ordering it."""
    if job.state != JobState.QUEUED.value:
        return None
    ahead = or_(Job.priority > job.priority, and_(Job.priority == job.priority, Job.number <= job.number))
    waiting = select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED.value, ahead)
    handed_over = waiting.join(Attempt, Attempt.job_id == Job.id).where(Attempt.outcome.is_(None))
    if job.attempt > 0 and session.scalar(handed_over.where(Job.id == job.id)):
        return None
    return session.scalar(select(waiting.scalar_subquery() - handed_over.scalar_subquery()))


def positions(session: Session, ids: Collection[str]) -> dict[str, int]:
    """Places in the queue, from 1, of those of these jobs that wait in it."""
    if not ids:
        return {}
    queue = _queue().subquery()
    rows = session.execute(select(queue.c.id, queue.c.position).where(queue.c.id.in_(ids)))
    return {job_id: place for job_id, place in rows}  # noqa: C416 (rows aren't pairs to mypy)


def queue(session: Session, model: str | None, after: int, limit: int) -> Sequence[tuple[int, Job]]:
    """Waiting jobs with their places, in order, beyond the place `after`; of one model or all."""
    waiting = _queue().subquery()
    query = select(waiting.c.position, Job).join(Job, Job.id == waiting.c.id).where(waiting.c.position > after)
    if model is not None:
        query = query.where(Job.model == model)
    rows = session.execute(query.order_by(waiting.c.position).limit(limit).options(*LIGHT))
    return [(place, job) for place, job in rows]


def _queue() -> Select[tuple[str, int]]:
    """In the order in which jobs start: higher priority first, then who came first."""
    place = func.row_number().over(order_by=(Job.priority.desc(), Job.number))
    handed_over = select(Attempt.number).where(Attempt.job_id == Job.id, Attempt.outcome.is_(None)).exists()
    return select(Job.id, place.label("position")).where(Job.state == JobState.QUEUED.value, ~handed_over)


def counts(session: Session, model: str | None) -> tuple[int, int]:
    """How many jobs wait and how many are under way, of one model or all."""
    query = select(Job.state, func.count()).where(Job.state.not_in([state.value for state in ENDED]))
    if model is not None:
        query = query.where(Job.model == model)
    found = {state: count for state, count in session.execute(query.group_by(Job.state))}  # noqa: C416
    waiting = found.pop(JobState.QUEUED.value, 0)
    return waiting, sum(found.values())


def attempts(session: Session, job_id: str) -> Sequence[Attempt]:
    """In order."""
    return session.scalars(select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)).all()


def has_ended(session: Session, job_id: str) -> bool:
    """Whether nothing more will happen to a job, there or not."""
    unfinished = Job.state.not_in([state.value for state in ENDED])
    return session.scalar(select(Job.number).where(Job.id == job_id, unfinished)) is None
