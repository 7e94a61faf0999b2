"""Counting what this process did to the store, where it was committed.

Rows tell of themselves as they are written, so that whatever writes them need not know of metrics. What is written past
the session (bulk updates) isn't seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from service.core.job_state import ENDED, JobState
from service.core.statuses import ListState
from service.store.progress import read_progress
from service.store.tables import Attempt, Delivery, Event, Fire, Job, PublishedList, Trigger
from trainers.runs.progress import Stage
from trainers.runs.prune_list import VERDICTS, PruneList

MINUTE, HOUR = 60.0, 3600.0
LONG = (10.0, 30.0, MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR)
SHORT = (0.1, 0.5, 1.0, 5.0, 15.0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 24 * HOUR)
STAGES = tuple(stage.value for stage in Stage if stage is not Stage.DONE)
NOTED = "metrics"
Note = Callable[[], None]


class EventCounters:
    """Counters of things done, fed by sessions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(name, help_, labels, registry=registry)

        def histogram(name: str, help_: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, help_, labels, buckets=buckets, registry=registry)

        self.submitted = counter("winnow_jobs_submitted", "Jobs made, by what asked for them.", "origin")
        self.ended = histogram(
            "winnow_job_duration_seconds", "From a job's first start to its end, by how it ended.", LONG, "state"
        )
        self.queued = histogram(
            "winnow_job_queue_duration_seconds", "From a job's submission to its first start.", LONG
        )
        self.stages = histogram(
            "winnow_job_stage_duration_seconds", "Stages of runs whose jobs ended, by stage.", LONG, "stage"
        )
        self.attempts = counter(
            "winnow_attempts", "Attempts that ended, by outcome, and whether it was a job's first.", "outcome", "retry"
        )
        self.guards = counter("winnow_guard_verdicts", "Verdicts of guards over finished jobs.", "verdict")
        self.evaluations = counter("winnow_trigger_evaluations", "Evaluations of triggers.", "kind")
        self.fires = counter(
            "winnow_trigger_fires", "Triggers that fired, or couldn't: job, dry_run, error.", "kind", "outcome"
        )
        self.schedules = counter(
            "winnow_schedule_fires", "Due times decided on, by what made them due.", "origin", "outcome"
        )
        self.lists = counter("winnow_prune_list_moves", "States that prune lists came to.", "state")
        self.deliveries = counter("winnow_webhook_deliveries", "Tries to deliver to webhooks.", "outcome")
        self.lag = histogram("winnow_webhook_lag_seconds", "From an event's delivery being due to its success.", SHORT)
        self._begin_at_zero()
        self._tellers: dict[type[Any], Callable[[Any], Iterator[Note]]] = {
            Job: self._job,
            Attempt: self._attempt,
            Delivery: self._delivery,
            Event: self._event,
            Fire: self._fire,
            PublishedList: self._list,
            Trigger: self._trigger,
        }

    def _begin_at_zero(self) -> None:
        """Series that are known are there from the start, so that their first rise is seen as one."""
        for origin in ("request", "trigger", "schedule", "retry", "clone", "revision"):
            self.submitted.labels(origin)
        for ended in ENDED:
            self.ended.labels(ended.value)
        for stage in STAGES:
            self.stages.labels(stage)
        for came_to in ListState:
            self.lists.labels(came_to.value)
        for due in ("cron", "manual", "backfill"):
            for outcome in ("started", "skipped"):
                self.schedules.labels(due, outcome)
        for outcome in ("succeeded", "failed", "lost", "cancelled"):
            for retry in ("false", "true"):
                self.attempts.labels(outcome, retry)
        for verdict in VERDICTS:
            self.guards.labels(verdict)
        for outcome in ("delivered", "failed"):
            self.deliveries.labels(outcome)
        for kind in ("candidates", "latency", "freshness", "manual"):
            self.evaluations.labels(kind)
            for outcome in ("job", "dry_run", "error"):
                self.fires.labels(kind, outcome)

    def listen(self, sessions: sessionmaker[Session]) -> None:
        event.listen(sessions, "after_flush", self._note)
        event.listen(sessions, "after_commit", _count)
        event.listen(sessions, "after_soft_rollback", _forget)

    def _note(self, session: Session, _: Any) -> None:
        noted: list[Note] = session.info.setdefault(NOTED, [])
        for row in (*session.new, *session.dirty):
            teller = self._tellers.get(type(row))
            if teller is not None:
                noted.extend(teller(row))

    def _job(self, job: Job) -> Iterator[Note]:
        if _became(job, "id") is not None:
            yield self.submitted.labels(str(job.origin.get("kind", "request"))).inc
        if _became(job, "started_at") is not None:
            yield _observing(self.queued, job.created_at, job.started_at)
        state = _became(job, "state")
        if state is None or not JobState(state).ended:
            return
        if not job.dry_run:
            yield _observing(self.ended.labels(state), job.started_at, job.ended_at)
            progress = read_progress(job.progress)
            spent = (progress.stages if progress is not None else None) or {}
            for stage in STAGES:
                if stage in spent:
                    yield _amount(self.stages.labels(stage), float(spent[stage]))
        if job.prune_list is not None and state == JobState.SUCCEEDED.value:
            yield self.guards.labels(PruneList.parse(job.prune_list).guard.verdict).inc

    def _attempt(self, attempt: Attempt) -> Iterator[Note]:
        outcome = _became(attempt, "outcome")
        if outcome is not None:
            yield self.attempts.labels(outcome, "true" if attempt.number > 1 else "false").inc

    def _delivery(self, delivery: Delivery) -> Iterator[Note]:
        """A try ends with a number of tries that rose; one delivered again begins anew at 0."""
        if _became(delivery, "tries"):
            good = delivery.state == "delivered"
            yield self.deliveries.labels("delivered" if good else "failed").inc
            if good:
                yield _observing(self.lag, delivery.created_at, delivery.updated_at)

    def _event(self, told: Event) -> Iterator[Note]:
        if told.kind == "trigger.evaluated":
            outcome = "error" if not told.data["fired"] else "dry_run" if told.data["dry_run"] else "job"
            yield self.fires.labels(told.data["kind"], outcome).inc

    def _fire(self, fire: Fire) -> Iterator[Note]:
        state = _became(fire, "state")
        if state in {"started", "skipped"}:
            yield self.schedules.labels(fire.origin, state).inc

    def _list(self, published: PublishedList) -> Iterator[Note]:
        state = _became(published, "state")
        if state is not None:
            yield self.lists.labels(state).inc

    def _trigger(self, trigger: Trigger) -> Iterator[Note]:
        if _became(trigger, "evaluated_at") is not None:
            yield self.evaluations.labels(trigger.kind).inc


def _became(row: Any, column: str) -> Any:
    """The value that a column was given; None where it was given none."""
    history = inspect(row).attrs[column].history
    return history.added[0] if history.added and history.added != history.deleted else None


def _observing(histogram: Histogram, begin: datetime | None, end: datetime | None) -> Note:
    if begin is None or end is None:
        return lambda: None
    return _amount(histogram, max(0.0, (end - begin).total_seconds()))


def _amount(histogram: Histogram, seconds: float) -> Note:
    return lambda: histogram.observe(seconds)


def _count(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: what holds it may still be rolled back
    for note in session.info.pop(NOTED, []):
        note()


def _forget(session: Session, previous: SessionTransaction) -> None:
    """Drop the notes of a transaction that was rolled back; a savepoint that is rolled back keeps those of the rest."""
    if not previous.nested:
        session.info.pop(NOTED, None)
