"""Schedules, and their fires."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.core.errors import ConflictError
from service.core.job_state import ENDED
from service.store.tables import Fire, Job, Schedule

ENDED_STATES = [state.value for state in ENDED]


def create(session: Session, *, model: str, by: str, now: datetime, **chosen: Any) -> Schedule:
    """Nothing due before `now` is this schedule's. Raises ConflictError."""
    schedule = Schedule(
        id=f"schedule-{uuid.uuid4().hex[:20]}",
        model=model,
        considered_until=now,
        created_by=by,
        created_at=now,
        updated_at=now,
        **chosen,
    )
    store(session, schedule)
    return schedule


def store(session: Session, schedule: Schedule) -> None:
    """Raises ConflictError."""
    name = schedule.name
    try:
        with session.begin_nested():
            session.add(schedule)
    except IntegrityError:
        detail = f"name: the model has a schedule {name!r} already; choose another name"
        raise ConflictError("schedule-exists", detail) from None


def find(session: Session, model: str, schedule_id: str, *, lock: bool = False) -> Schedule | None:
    """`lock` keeps others from changing it, and the loop from deciding on it, until the transaction ends."""
    query = select(Schedule).where(Schedule.model == model, Schedule.id == schedule_id)
    return session.scalar(_for_update(query) if lock else query)


def _for_update(query: Select[Schedule], *, skip: bool = False) -> Select[Schedule]:
    """Rows as they stand once nobody else holds them, even where the session has read them before."""
    return query.with_for_update(skip_locked=skip).execution_options(populate_existing=True)


def get(session: Session, schedule_id: str) -> Schedule | None:
    return session.scalar(select(Schedule).where(Schedule.id == schedule_id))


def page(session: Session, model: str, after: int, limit: int) -> Sequence[Schedule]:
    """In the order of their making."""
    query = select(Schedule).where(Schedule.model == model, Schedule.number > after)
    return session.scalars(query.order_by(Schedule.number).limit(limit)).all()


def list_unpaused(session: Session) -> Sequence[Schedule]:
    """Those of all models that aren't paused."""
    return session.scalars(select(Schedule).where(Schedule.paused.is_(False)).order_by(Schedule.number)).all()


def running(session: Session, model: str) -> Sequence[Schedule]:
    """Those of a model that aren't paused."""
    query = select(Schedule).where(Schedule.model == model, Schedule.paused.is_(False))
    return session.scalars(query.order_by(Schedule.number)).all()


def find_with_pending(session: Session) -> set[str]:
    """Ids of schedules that have fires waiting to be started."""
    return set(session.scalars(select(Fire.schedule_id).where(Fire.state == "pending").distinct()))


def claim(session: Session, schedule_id: str) -> Schedule | None:
    """For this transaction alone, as it now stands; None where another holds it, or it is gone."""
    return session.scalar(_for_update(select(Schedule).where(Schedule.id == schedule_id), skip=True))


def add_fire(session: Session, schedule: Schedule, *, due_at: datetime, now: datetime, **chosen: Any) -> Fire | None:
    """A fire, unless that schedule, due time and partition have one: then None, also where two try at once."""
    values = {"schedule_id": schedule.id, "due_at": due_at, "partition": "", "created_at": now, **chosen}
    number = session.execute(_insert(session).values(**values).returning(Fire.number)).scalar()
    return None if number is None else session.get_one(Fire, number)


def _insert(session: Session) -> postgresql.Insert | sqlite.Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(Fire).on_conflict_do_nothing()
    return sqlite.insert(Fire).on_conflict_do_nothing()


def list_unfinished(session: Session, schedule_id: str) -> Sequence[tuple[Job, str]]:
    """Jobs of a schedule that haven't ended, each with the origin of its fire."""
    query = select(Job, Fire.origin).join(Fire, Fire.job_id == Job.id).where(Fire.schedule_id == schedule_id)
    rows = session.execute(query.where(Job.state.not_in(ENDED_STATES)).order_by(Job.number))
    return [(job, origin) for job, origin in rows]


def list_pending(session: Session, schedule_id: str, limit: int) -> Sequence[Fire]:
    """Fires waiting to be started, in order."""
    query = select(Fire).where(Fire.schedule_id == schedule_id, Fire.state == "pending")
    return session.scalars(query.order_by(Fire.number).limit(limit)).all()


def fires(session: Session, schedule_id: str, state: str | None, before: int | None, limit: int) -> Sequence[Fire]:
    """Newest first, those older than the fire numbered `before`."""
    query = select(Fire).where(Fire.schedule_id == schedule_id).order_by(Fire.number.desc()).limit(limit)
    if state is not None:
        query = query.where(Fire.state == state)
    if before is not None:
        query = query.where(Fire.number < before)
    return session.scalars(query).all()
