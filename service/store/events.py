"""Events: written with what they tell of, told in the log, read in order.

| kind | when |
|---|---|
| job.queued, job.state, job.cancel_requested, job.snapshot | of a job |
| feature.registered, feature.status | of a model's features |
| prune_list.proposed, .approved, .rejected, .active, .superseded, .rolled_back | of a model's lists |
| prune_list.not_proposed | of a job whose list would change nothing, or waits for a decision already |
| trigger.evaluated, schedule.fired, schedule.skipped | of what starts jobs |
| webhook.disabled, webhook.ping | a receiver that refused too often; a test of one |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, event, func, or_, select, text
from sqlalchemy.orm import Session, sessionmaker

from service.store.tables import Event

log = structlog.get_logger()
WAITING, WRITTEN = "events", "events written"
UNLOGGED = frozenset({"job.snapshot"})  # progress, once a second
EVENT_LOCK = 0x6576656E74  # any number of ours: "event" in ASCII


def record(
    session: Session,
    kind: str,
    data: dict[str, Any],
    now: datetime,
    *,
    job_id: str | None = None,
    model: str | None = None,
) -> None:
    """Write an event when the transaction commits, and only then."""
    waiting = session.info.setdefault(WAITING, [])
    waiting.append(Event(kind=kind, data=data, time=now, job_id=job_id, model=model))


def install(sessions: sessionmaker[Session]) -> None:
    """Let sessions write their events as the last thing before they commit.

    Numbers are then given in the order of commits: whoever writes events holds a lock from here to the end of the
    transaction. It is the last lock that any transaction takes, so that none waits for another in a circle.
    """
    event.listen(sessions, "before_commit", _write)
    event.listen(sessions, "after_commit", _log)
    event.listen(sessions, "after_soft_rollback", _forget)


def _write(session: Session) -> None:
    waiting = session.info.pop(WAITING, [])
    if not waiting:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": EVENT_LOCK})
    session.add_all(waiting)
    session.flush()
    session.info[WRITTEN] = [_line(each) for each in waiting if each.kind not in UNLOGGED]


def _line(written: Event) -> dict[str, Any]:
    """What the log says of an event: what it is about, and its data but for lists, which may be long."""
    told = {name: value for name, value in written.data.items() if isinstance(value, str | int | float | bool)}
    about = {"event": written.kind, "job_id": written.job_id, "model": written.model}
    return {**{f"data_{name}" if name in about else name: value for name, value in told.items()}, **about}


def _log(session: Session) -> None:
    """Of what is committed, and only then."""
    if session.in_nested_transaction():
        return
    for line in session.info.pop(WRITTEN, []):
        log.info(**{name: value for name, value in line.items() if value is not None})


def _forget(session: Session, _: Any) -> None:
    session.info.pop(WAITING, None)
    session.info.pop(WRITTEN, None)


def after(
    session: Session,
    number: int,
    limit: int,
    *,
    job_id: str | None = None,
    model: str | None = None,
    kinds: Collection[str] = (),
) -> Sequence[Event]:
    """In order, those numbered over `number`; `kinds` are names, or prefixes that end in `.*`."""
    query = select(Event).where(Event.number > number).order_by(Event.number).limit(limit)
    if job_id is not None:
        query = query.where(Event.job_id == job_id)
    if model is not None:
        query = query.where(Event.model == model)
    if kinds:
        query = query.where(or_(*map(_is_kind, kinds)))
    return session.scalars(query).all()


def _is_kind(kind: str) -> ColumnElement[bool]:
    return Event.kind.startswith(kind[:-1], autoescape=True) if kind.endswith(".*") else Event.kind == kind


def newest(session: Session) -> int:
    """Number of the newest event; 0 before the first."""
    return session.scalar(select(func.max(Event.number))) or 0
