"""What has been kept long enough, deleted in small transactions. Doing any of it twice, or in two replicas at once, is
the same as doing it once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.core.job_state import ENDED
from service.store.tables import (
    AuditEntry,
    BrowserSession,
    Delivery,
    Event,
    IdempotencyKey,
    Job,
    Model,
    PublishedList,
    Trigger,
    TriggerEvaluation,
)

BATCH = 1000
ENDED_STATES = [state.value for state in ENDED]
# Lists that someone uses or has still to decide on: what their jobs left is kept.
CURRENT = ("proposed", "approved", "active")


@dataclass(frozen=True)
class Terms:
    """How long things are kept, in days: by default, and of the models that say so themselves."""

    default: float
    by_model: Mapping[str, float]

    @classmethod
    def of(cls, session: Session, name: str, default: float) -> Terms:
        """`name` is the key in a model's retention: runs_days or events_days."""
        rows = session.execute(select(Model.name, Model.retention))
        own = {model: retention.get(name) for model, retention in rows}
        return cls(default, {model: float(days) for model, days in own.items() if days is not None})

    def over(
        self, model: InstrumentedAttribute[Any], time: InstrumentedAttribute[Any], now: datetime
    ) -> ColumnElement[bool]:
        """Whether a row of that model and time has been kept long enough."""
        by_days: dict[float, list[str]] = defaultdict(list)
        for name, days in self.by_model.items():
            by_days[days].append(name)
        others = or_(model.is_(None), model.not_in(list(self.by_model)))
        own = [and_(model.in_(names), time < now - timedelta(days=days)) for days, names in by_days.items()]
        return or_(and_(others, time < now - timedelta(days=self.default)), *own)

    def newest(self, now: datetime) -> datetime:
        """Whatever is younger is kept."""
        return now - timedelta(days=min(self.default, *self.by_model.values(), self.default))


def runs(session: Session, ids: Collection[str], terms: Terms, now: datetime) -> Sequence[str]:
    """Of these jobs those whose run directories can go: ended long enough ago, not among the newest that their model
    keeps, and with no list that is current.
    """
    rows = session.execute(
        select(Job.id, Job.model)
        .where(Job.id.in_(ids), Job.state.in_(ENDED_STATES), terms.over(Job.model, Job.ended_at, now))
        .where(Job.id.not_in(_of_current_lists()))
    ).all()
    kept = {job_id for model in {model for _, model in rows} for job_id in _newest(session, model)}
    return [job_id for job_id, _ in rows if job_id not in kept]


def _newest(session: Session, model: str | None) -> Sequence[str]:
    """The newest ended jobs of a model, as many as it keeps."""
    found = None if model is None else session.get(Model, model)
    if found is None:
        return ()
    ended = select(Job.id).where(Job.model == model, Job.state.in_(ENDED_STATES))
    return session.scalars(ended.order_by(Job.number.desc()).limit(found.retention.get("keep_last", 0))).all()


def _of_current_lists() -> Any:
    return select(PublishedList.job_id).where(PublishedList.state.in_(CURRENT))


def events(session: Session, after: int, terms: Terms, now: datetime) -> tuple[int | None, int]:
    """Delete old ones of the BATCH that follow number `after`.

    Kept are those of jobs that haven't ended or have a current list, and those that are still to be delivered.

    Returns:
        Where the next ones begin, None at the end; and how many were deleted.
    """
    rows = session.execute(
        select(Event.number, Event.time).where(Event.number > after).order_by(Event.number).limit(BATCH)
    )
    found = [(number, time) for number, time in rows]
    if not found or found[0][1] >= terms.newest(now):
        return None, 0
    last = found[-1][0]
    unfinished = select(Job.id).where(Job.state.not_in(ENDED_STATES))
    of_nothing = or_(
        Event.job_id.is_(None), and_(Event.job_id.not_in(unfinished), Event.job_id.not_in(_of_current_lists()))
    )
    pending = select(Delivery.event_number).where(Delivery.state == "pending")
    gone = session.execute(
        delete(Event)
        .where(Event.number > after, Event.number <= last, terms.over(Event.model, Event.time, now))
        .where(of_nothing, Event.number.not_in(pending))
    )
    return last, int(gone.rowcount)  # type: ignore[attr-defined]


def evaluations(session: Session, terms: Terms, now: datetime) -> int:
    """Delete up to BATCH old evaluations, and return how many; each trigger's newest stays."""
    newest = select(func.max(TriggerEvaluation.number)).group_by(TriggerEvaluation.trigger_id)
    old = (
        select(TriggerEvaluation.number)
        .join(Trigger, Trigger.id == TriggerEvaluation.trigger_id)
        .where(terms.over(Trigger.model, TriggerEvaluation.time, now), TriggerEvaluation.number.not_in(newest))
    )
    return _forget(session, TriggerEvaluation, TriggerEvaluation.number, old.limit(BATCH))


def deliveries(session: Session, before: datetime) -> int:
    """Delete up to BATCH deliveries that were made or given up before, and return how many."""
    old = select(Delivery.number).where(Delivery.state != "pending", Delivery.updated_at < before)
    return _forget(session, Delivery, Delivery.number, old.limit(BATCH))


def audit(session: Session, before: datetime) -> int:
    """Delete audit entries before a time, a batch at most; how many there were."""
    old = select(AuditEntry.number).where(AuditEntry.time < before)
    return _forget(session, AuditEntry, AuditEntry.number, old.limit(BATCH))


def idempotency_keys(session: Session, before: datetime) -> int:
    """Delete all there are: they live for a day."""
    gone = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def browser_sessions(session: Session, now: datetime) -> int:
    """Delete all that have expired."""
    gone = session.execute(delete(BrowserSession).where(BrowserSession.expires_at <= now))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _forget(session: Session, table: Any, key: Any, old: Any) -> int:
    gone = session.execute(delete(table).where(key.in_(session.scalars(old).all())))
    return int(gone.rowcount)  # type: ignore[attr-defined]
