"""Triggers, their evaluations, and what they are about."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from service.core.job_state import ENDED, JobState
from service.store.tables import Feature, FeatureDecision, Job, LatencyReport, Trigger, TriggerEvaluation

ENDED_STATES = [state.value for state in ENDED]
MOST_REPORTS = 10_000


def create(session: Session, *, model: str, by: str, now: datetime, **chosen: Any) -> Trigger:
    """Make a trigger of these columns."""
    trigger = Trigger(
        id=f"trigger-{uuid.uuid4().hex[:20]}",
        model=model,
        state={},
        created_by=by,
        created_at=now,
        updated_at=now,
        **chosen,
    )
    session.add(trigger)
    session.flush()
    return trigger


def find(session: Session, model: str, trigger_id: str, *, lock: bool = False) -> Trigger | None:
    """`lock` keeps others from changing and firing it until the transaction ends."""
    query = select(Trigger).where(Trigger.model == model, Trigger.id == trigger_id)
    return session.scalar(_for_update(query) if lock else query)


def _for_update(query: Select[Trigger]) -> Select[Trigger]:
    """Rows as they stand once nobody else holds them, even where the session has read them before."""
    return query.with_for_update().execution_options(populate_existing=True)


def page(session: Session, model: str, after: int, limit: int) -> Sequence[Trigger]:
    """In the order of their making."""
    query = select(Trigger).where(Trigger.model == model, Trigger.number > after)
    return session.scalars(query.order_by(Trigger.number).limit(limit)).all()


def enabled(session: Session, model: str) -> Sequence[Trigger]:
    """Those of a model that are evaluated, or can be fired by hand."""
    query = select(Trigger).where(Trigger.model == model, Trigger.enabled.is_(True))
    return session.scalars(query.order_by(Trigger.number)).all()


def _due(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Enabled, of a kind that fires by itself, and last evaluated at or before `before`."""
    waited = or_(Trigger.evaluated_at.is_(None), Trigger.evaluated_at <= before)
    return Trigger.enabled.is_(True), Trigger.kind != "manual", waited


def due(session: Session, before: datetime) -> Sequence[str]:
    """Ids of those to be evaluated, the longest waiting first."""
    order = (Trigger.evaluated_at.asc().nulls_first(), Trigger.number)
    return session.scalars(select(Trigger.id).where(*_due(before)).order_by(*order)).all()


def lease(
    session: Session, trigger_id: str, owner: str, now: datetime, seconds: float, before: datetime
) -> Trigger | None:
    """Take a trigger that is due; None where another holds it or has evaluated it. One statement."""
    free = or_(Trigger.lease_owner == owner, Trigger.lease_until.is_(None), Trigger.lease_until < now)
    taken = session.execute(
        update(Trigger)
        .where(Trigger.id == trigger_id, free, *_due(before))
        .values(lease_owner=owner, lease_until=now + timedelta(seconds=seconds))
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return session.scalar(select(Trigger).where(Trigger.id == trigger_id))


def get_if_leased(session: Session, trigger_id: str, owner: str, now: datetime) -> Trigger | None:
    """The trigger, where `owner` still holds it."""
    mine = (Trigger.id == trigger_id, Trigger.lease_owner == owner, Trigger.lease_until > now)
    return session.scalar(_for_update(select(Trigger).where(*mine)))


def unfinished_job(session: Session, trigger_id: str) -> str | None:
    """A job of this trigger that hasn't ended."""
    query = select(Job.id).join(TriggerEvaluation, TriggerEvaluation.job_id == Job.id)
    mine = query.where(TriggerEvaluation.trigger_id == trigger_id, Job.state.not_in(ENDED_STATES))
    return session.scalar(mine.limit(1))


def add_evaluation(session: Session, trigger: Trigger, now: datetime, **found: Any) -> TriggerEvaluation:
    evaluation = TriggerEvaluation(trigger_id=trigger.id, time=now, **found)
    session.add(evaluation)
    session.flush()
    return evaluation


def newest_evaluation(session: Session, trigger_id: str) -> TriggerEvaluation | None:
    query = select(TriggerEvaluation).where(TriggerEvaluation.trigger_id == trigger_id)
    return session.scalar(query.order_by(TriggerEvaluation.number.desc()).limit(1))


def evaluations(
    session: Session, trigger_id: str, fired: bool | None, before: int | None, limit: int
) -> Sequence[TriggerEvaluation]:
    """Newest first, those older than the evaluation numbered `before`."""
    query = select(TriggerEvaluation).where(TriggerEvaluation.trigger_id == trigger_id)
    if fired is not None:
        query = query.where(TriggerEvaluation.fired.is_(fired))
    if before is not None:
        query = query.where(TriggerEvaluation.number < before)
    return session.scalars(query.order_by(TriggerEvaluation.number.desc()).limit(limit)).all()


def candidates(session: Session, model: str) -> int:
    """How many features are candidates that were registered, or put back by hand, since the last selection.

    The last selection is the newest job that wasn't a dry run, and neither failed nor was cancelled. What a rollback
    makes a candidate again doesn't count: a selection has had it.
    """
    return candidates_of(session, [model])[model]


def candidates_of(session: Session, models: Collection[str]) -> dict[str, int]:
    """The same of each of these models."""
    without = [JobState.FAILED.value, JobState.CANCELLED.value]
    jobs = select(Job.model, func.max(Job.created_at).label("at"))
    jobs = jobs.where(Job.model.in_(models), Job.dry_run.is_(False), Job.state.not_in(without)).group_by(Job.model)
    last = jobs.subquery()
    became = (
        select(func.max(FeatureDecision.time))
        .where(FeatureDecision.model == Feature.model, FeatureDecision.feature == Feature.name)
        .where(FeatureDecision.after == "candidate", FeatureDecision.prune_list_number.is_(None))
        .correlate(Feature)
        .scalar_subquery()
    )
    query = select(Feature.model, func.count()).outerjoin(last, last.c.model == Feature.model)
    query = query.where(Feature.model.in_(models), Feature.status == "candidate")
    # A change of status is an update: what hasn't been updated since needs no look at its decisions.
    since = and_(Feature.updated_at > last.c.at, func.coalesce(became, Feature.registered_at) > last.c.at)
    query = query.where(or_(last.c.at.is_(None), since))
    found = dict.fromkeys(models, 0)
    for model, count in session.execute(query.group_by(Feature.model)):
        found[model] = count
    return found


def add_latency(session: Session, *, model: str, time: datetime, p99_seconds: float, by: str) -> LatencyReport:
    report = LatencyReport(model=model, time=time, p99_seconds=p99_seconds, reported_by=by)
    session.add(report)
    session.flush()
    return report


def forget_latencies(session: Session, model: str, before: datetime) -> None:
    session.execute(delete(LatencyReport).where(LatencyReport.model == model, LatencyReport.time < before))


def latencies(session: Session, model: str, after: datetime, until: datetime) -> Sequence[float]:
    """In seconds, what was reported after `after` and up to `until`; of very many, the newest."""
    within = (LatencyReport.model == model, LatencyReport.time > after, LatencyReport.time <= until)
    query = select(LatencyReport.p99_seconds).where(*within).order_by(LatencyReport.time.desc())
    return session.scalars(query.limit(MOST_REPORTS)).all()


def latency_page(session: Session, model: str, before: int | None, limit: int) -> Sequence[LatencyReport]:
    """Newest first, those older than the report numbered `before`."""
    query = select(LatencyReport).where(LatencyReport.model == model)
    if before is not None:
        query = query.where(LatencyReport.number < before)
    return session.scalars(query.order_by(LatencyReport.number.desc()).limit(limit)).all()
