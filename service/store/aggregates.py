"""Figures of the whole store, for metrics: a few queries, none of which grows with what a job or a list holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from service.core.job_state import ENDED, JobState
from service.core.statuses import FeatureStatus, ListState
from service.store.tables import Delivery, Feature, Job, PublishedList, Trigger, TriggerEvaluation, Webhook
from trainers.runs.prune_list import Totals

# Series by model and by job: more than these are left out of a scrape.
MODELS, JOBS = 1000, 200
# Metrics whose change lists of jobs and of prune lists show.
COMPARED = ("auc", "gauc")
RUNNING_STATES = [state.value for state in JobState if state not in ENDED and state is not JobState.QUEUED]


class Running(NamedTuple):
    """A job that was handed to Ray and hasn't ended."""

    id: str
    name: str
    model: str | None
    state: str
    attempt: int
    started_at: datetime | None
    updated_at: datetime
    progress: dict[str, Any] | None


class ActiveList(NamedTuple):
    number: int
    model: str
    activated_at: datetime | None


@dataclass(frozen=True)
class Waiting:
    """How many wait, and the instant since when the longest does; None where none waits."""

    count: int
    since: datetime | None


def list_running(session: Session) -> list[Running]:
    """Newest first."""
    columns = (Job.id, Job.name, Job.model, Job.state, Job.attempt, Job.started_at, Job.updated_at, Job.progress)
    query = select(*columns).where(Job.state.in_(RUNNING_STATES)).order_by(Job.number.desc()).limit(JOBS)
    return [Running(*row) for row in session.execute(query)]


def queue(session: Session, now: datetime) -> Waiting:
    """Jobs that could start if there were room: not those that pause between two attempts."""
    since = func.coalesce(Job.not_before, Job.created_at)
    ready = (Job.state == JobState.QUEUED.value, or_(Job.not_before.is_(None), Job.not_before <= now))
    count, oldest = session.execute(select(func.count(), func.min(since)).where(*ready)).one()
    return Waiting(count, oldest)


def features(session: Session) -> Sequence[tuple[str, str, int]]:
    """Model, status, and how many features it has of that status."""
    query = select(Feature.model, Feature.status, func.count()).group_by(Feature.model, Feature.status)
    rows = session.execute(query.order_by(Feature.model).limit(len(FeatureStatus) * MODELS)).all()
    return [(model, status, count) for model, status, count in rows]


def active_lists(session: Session) -> list[ActiveList]:
    columns = (PublishedList.number, PublishedList.model, PublishedList.activated_at)
    query = select(*columns).where(PublishedList.state == ListState.ACTIVE.value).order_by(PublishedList.model)
    return [ActiveList(*row) for row in session.execute(query.limit(MODELS))]


class ListFigures(NamedTuple):
    """What a prune list saves, and by metric what the fine-tuned model has over the full one."""

    before: Totals
    after: Totals
    changes: dict[str, float]


def list_figures(session: Session, numbers: Collection[int]) -> dict[int, ListFigures]:
    """Of lists by number."""
    return _figures(session, PublishedList.number, PublishedList.content, numbers)


def job_figures(session: Session, numbers: Collection[int]) -> dict[int, ListFigures]:
    """Of the lists that jobs made, by the jobs' numbers; jobs without a list are left out."""
    return _figures(session, Job.number, Job.prune_list, numbers)


def _figures(session: Session, key: Any, content: Any, numbers: Collection[int]) -> dict[int, ListFigures]:
    """The database reads the contents for it: they are large, and never change."""
    if not numbers:
        return {}
    parts = (content["before"], content["after"], content["metrics"])
    query = select(key, *parts).where(key.in_(numbers), content["before"].as_string().is_not(None))
    return {
        number: ListFigures(Totals.parse(before), Totals.parse(after), _changes(metrics or {}))
        for number, before, after, metrics in session.execute(query)
    }


def _changes(metrics: Mapping[str, Any]) -> dict[str, float]:
    full, tuned = metrics.get("full") or {}, metrics.get("finetuned") or {}
    both = [metric for metric in COMPARED if full.get(metric) is not None and tuned.get(metric) is not None]
    return {metric: tuned[metric] - full[metric] for metric in both}


def proposed_lists(session: Session) -> Sequence[tuple[str, str, int]]:
    """Model, the guard's verdict, and how many such lists wait for a decision."""
    query = select(PublishedList.model, PublishedList.verdict, func.count())
    query = query.where(PublishedList.state == ListState.PROPOSED.value).order_by(PublishedList.model)
    rows = session.execute(query.group_by(PublishedList.model, PublishedList.verdict).limit(3 * MODELS)).all()
    return [(model, verdict, count) for model, verdict, count in rows]


def failing_triggers(session: Session) -> dict[str, int]:
    """By kind, the enabled triggers whose newest recorded evaluation is an error."""
    each = aliased(TriggerEvaluation)
    newest = select(func.max(each.number)).where(each.trigger_id == Trigger.id).correlate(Trigger).scalar_subquery()
    failed = TriggerEvaluation.observed["error"].as_string().is_not(None)
    query = select(Trigger.kind, func.count()).join(TriggerEvaluation, TriggerEvaluation.number == newest)
    rows = session.execute(query.where(Trigger.enabled.is_(True), failed).group_by(Trigger.kind)).all()
    return {kind: count for kind, count in rows}  # noqa: C416 (rows aren't pairs to mypy)


def deliveries(session: Session) -> Waiting:
    """Those that have still to reach their webhooks."""
    query = select(func.count(), func.min(Delivery.created_at)).where(Delivery.state == "pending")
    count, oldest = session.execute(query).one()
    return Waiting(count, oldest)


def webhooks(session: Session) -> dict[bool, int]:
    """How many are enabled, and how many aren't."""
    rows = session.execute(select(Webhook.enabled, func.count()).group_by(Webhook.enabled)).all()
    return {enabled: count for enabled, count in rows}  # noqa: C416 (rows aren't pairs to mypy)
