"""What the overview says of many models at once: a query for each kind of thing, however many models there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from service.core.job_state import ENDED, JobState
from service.core.statuses import ListState
from service.store.job_queries import LIGHT
from service.store.prune_lists import LIGHT as WITHOUT_CONTENT
from service.store.tables import Job, PublishedList, Schedule, Trigger, TriggerEvaluation, Webhook
from trainers.runs.prune_list import FAILED

MOST = 50  # of each kind of alert, and of jobs


class Alert(NamedTuple):
    """Something to look into. `subject` is the id of the job, trigger or webhook, or the number of the list."""

    kind: str
    time: datetime
    model: str | None
    subject: str
    detail: str


def active_lists(session: Session, models: Collection[str]) -> dict[str, PublishedList]:
    """By model, without their contents."""
    query = select(PublishedList).where(PublishedList.state == ListState.ACTIVE.value, PublishedList.model.in_(models))
    return {found.model: found for found in session.scalars(query.options(WITHOUT_CONTENT))}


def proposed_lists(session: Session, models: Collection[str]) -> dict[str, tuple[PublishedList, int]]:
    """By model the newest list that waits for a decision, without its content, and how many do."""
    waiting = select(func.max(PublishedList.number).label("newest"), func.count().label("count"))
    waiting = waiting.where(PublishedList.state == ListState.PROPOSED.value, PublishedList.model.in_(models))
    grouped = waiting.group_by(PublishedList.model).subquery()
    query = select(PublishedList, grouped.c.count).join(grouped, grouped.c.newest == PublishedList.number)
    return {found.model: (found, count) for found, count in session.execute(query.options(WITHOUT_CONTENT))}


def thresholds(session: Session, models: Collection[str]) -> dict[str, int]:
    """By model, how many candidates start a selection: the least that an enabled trigger asks for."""
    query = select(Trigger.model, Trigger.settings).where(Trigger.kind == "candidates", Trigger.enabled.is_(True))
    found: dict[str, int] = {}
    for model, settings in session.execute(query.where(Trigger.model.in_(models))):
        found[model] = min(found.get(model, settings["threshold"]), settings["threshold"])
    return found


def schedules(session: Session, models: Collection[str]) -> Sequence[Schedule]:
    """Those that aren't paused."""
    return session.scalars(select(Schedule).where(Schedule.model.in_(models), Schedule.paused.is_(False))).all()


def unfinished_jobs(session: Session, model: str | None) -> Sequence[Job]:
    """The newest, newest first, of one model or all."""
    query = select(Job).where(Job.state.not_in([state.value for state in ENDED]), *_of(Job.model, model))
    return session.scalars(query.order_by(Job.number.desc()).limit(MOST).options(*LIGHT)).all()


def alerts(session: Session, model: str | None, since: datetime, stale: datetime) -> list[Alert]:
    """Newest first: what failed after `since`, and what stands; of one model or all.

    Args:
        stale: a list that has been active since before is stale.
    """
    found = [
        *_failed_jobs(session, model, since),
        *_refused_lists(session, model),
        *_failing_triggers(session, model),
        *_disabled_webhooks(session, model, since),
        *_stale_lists(session, model, stale),
    ]
    return sorted(found, key=lambda alert: alert.time, reverse=True)[:MOST]


def _failed_jobs(session: Session, model: str | None, since: datetime) -> list[Alert]:
    query = select(Job.ended_at, Job.model, Job.id, Job.name, Job.reason).where(*_of(Job.model, model))
    query = query.where(Job.state == JobState.FAILED.value, Job.ended_at > since).order_by(Job.number.desc())
    return [
        Alert("job_failed", time, of, job_id, f"{name}: {reason or 'no reason is known'}")
        for time, of, job_id, name, reason in session.execute(query.limit(MOST))
        if time is not None
    ]


def _refused_lists(session: Session, model: str | None) -> list[Alert]:
    query = select(PublishedList.proposed_at, PublishedList.model, PublishedList.number)
    query = query.where(PublishedList.state == ListState.PROPOSED.value, PublishedList.verdict == FAILED)
    query = query.where(*_of(PublishedList.model, model)).order_by(PublishedList.number.desc()).limit(MOST)
    return [
        Alert("guard_refused", time, of, str(number), "its guard failed, and nobody has decided on it")
        for time, of, number in session.execute(query)
    ]


def _failing_triggers(session: Session, model: str | None) -> list[Alert]:
    """Enabled ones whose newest recorded evaluation is an error."""
    each = aliased(TriggerEvaluation)
    newest = select(func.max(each.number)).where(each.trigger_id == Trigger.id).correlate(Trigger).scalar_subquery()
    error = TriggerEvaluation.observed["error"].as_string()
    query = select(TriggerEvaluation.time, Trigger.model, Trigger.id, error)
    query = query.join(TriggerEvaluation, TriggerEvaluation.number == newest)
    query = query.where(Trigger.enabled.is_(True), error.is_not(None), *_of(Trigger.model, model)).limit(MOST)
    return [Alert("trigger_failing", *row) for row in session.execute(query)]


def _disabled_webhooks(session: Session, model: str | None, since: datetime) -> list[Alert]:
    query = select(Webhook.updated_at, Webhook.model, Webhook.id).where(*_of(Webhook.model, model))
    query = query.where(Webhook.enabled.is_(False), Webhook.updated_at > since).limit(MOST)
    return [Alert("webhook_disabled", *row, "it is disabled: nothing is sent to it") for row in session.execute(query)]


def _stale_lists(session: Session, model: str | None, stale: datetime) -> list[Alert]:
    query = select(PublishedList.activated_at, PublishedList.model, PublishedList.number)
    query = query.where(PublishedList.state == ListState.ACTIVE.value, PublishedList.activated_at < stale)
    query = query.where(*_of(PublishedList.model, model)).order_by(PublishedList.activated_at).limit(MOST)
    return [
        Alert("list_stale", time, of, str(number), "data and features have changed since it became active")
        for time, of, number in session.execute(query)
        if time is not None
    ]


def _of(column: InstrumentedAttribute[Any], model: str | None) -> list[ColumnElement[bool]]:
    return [] if model is None else [column == model]
