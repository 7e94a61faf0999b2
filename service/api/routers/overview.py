"""`/v1/overview`: how models stand, what runs, and what to look into."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Reader
from service.api.deps import NowDep, SessionDep
from service.prune_lists.totals import ListTotals
from service.schedules.scheduler import next_due
from service.schemas.common import StoredText, problems
from service.schemas.jobs import JOB, JobSummary, listed
from service.schemas.prune_lists import AFTER, BEFORE, ListTotalsView
from service.store import job_queries, models, overview, triggers
from service.store.aggregates import Totals
from service.store.tables import Model, PublishedList, Schedule

router = APIRouter(tags=["models"])
RECENT = timedelta(days=7)
STALE = timedelta(days=30)  # as the alert WinnowPruneListStale has it
ACTIVE: dict[str, Any] = {"number": 12, "activated_at": "2026-01-01T09:00:00Z", "before": BEFORE, "after": AFTER}
PROPOSED: dict[str, Any] = {
    "number": 13,
    "proposed_at": "2026-01-02T02:00:00Z",
    "guard_passed": True,
    "submitted_by": "ranking-team",
    "waiting": 1,
}
NEXT: dict[str, Any] = {
    "id": "schedule-5f0c2b7a9d1e4c3f8a6b",
    "name": "nightly",
    "timezone": "Europe/Berlin",
    "next_at": "2026-01-03T01:30:00Z",
}
STANDING: dict[str, Any] = {
    "name": "feed-ranker",
    "owner": "ranking-team",
    "description": "Ranks the home feed",
    "features": {"essential": 2, "active": 40, "candidate": 12},
    "active": ACTIVE,
    "proposed": PROPOSED,
    "candidates": 12,
    "threshold": 30,
    "schedule": NEXT,
}
ALERT: dict[str, Any] = {
    "kind": "job_failed",
    "time": "2026-01-02T01:00:00Z",
    "model": "feed-ranker",
    "subject": JOB["id"],
    "detail": "feed-ranker: dataset.train: /data/train has no column 'dwell'",
}
EXAMPLE: dict[str, Any] = {
    "models": [STANDING],
    "next": None,
    "jobs": [JOB],
    "running": 1,
    "waiting": 0,
    "alerts": [ALERT],
    "since": "2025-12-27T00:00:00Z",
}


class ActiveListView(BaseModel):
    """The list that a model is served with."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACTIVE]})

    number: int
    activated_at: datetime | None
    before: ListTotalsView
    after: ListTotalsView


class ProposedListView(BaseModel):
    """The newest list that waits for a decision."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROPOSED]})

    number: int
    proposed_at: datetime
    guard_passed: bool
    submitted_by: str
    waiting: int = Field(description="how many lists of the model wait for a decision, this one among them")


class NextStart(BaseModel):
    """The schedule of a model that is due first."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [NEXT]})

    id: str
    name: str
    timezone: str
    next_at: datetime


class ModelStanding(BaseModel):
    """How a model stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [STANDING]})

    name: str
    owner: str
    description: str
    features: dict[str, int] = Field(description="how many features it has, by status")
    active: ActiveListView | None
    proposed: ProposedListView | None
    candidates: int = Field(description="candidates since the last selection, as triggers count them")
    threshold: int | None = Field(description="candidates that start a selection; null where no trigger waits for any")
    schedule: NextStart | None = Field(description="null where nothing is due")


class AlertView(BaseModel):
    """Something to look into."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [ALERT]})

    kind: Literal["job_failed", "guard_refused", "trigger_failing", "webhook_disabled", "list_stale"]
    time: datetime = Field(description="when it happened, or since when it stands")
    model: str | None
    subject: str = Field(description="id of the job, trigger or webhook; number of the list")
    detail: str


class Overview(BaseModel):
    """Models by name; `next` is the cursor of the following page, null on the last. The rest is of all models."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    models: list[ModelStanding]
    next: str | None
    jobs: list[JobSummary] = Field(description="that haven't ended: the newest fifty, newest first")
    running: int = Field(description="how many jobs are under way")
    waiting: int = Field(description="how many jobs wait")
    alerts: list[AlertView] = Field(description="the newest fifty, newest first")
    since: datetime = Field(
        description="alerts of failed jobs and disabled webhooks are later than this; others stand until resolved"
    )


@router.get("/v1/overview", operation_id="getOverview", summary="How models stand", responses=problems(422))
def read(
    request: Request,
    session: SessionDep,
    caller: Reader,
    now: NowDep,
    cursor: Annotated[StoredText, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="models of a page")] = 100,
) -> Overview:
    """Models with their lists, candidates and next starts; unfinished jobs; alerts. A key for one model sees that
    model's.
    """
    page = models.page(session, only=caller.model, owner=None, prefix="", after=cursor, limit=limit + 1)
    waiting, running = job_queries.counts(session, caller.model)
    found = overview.alerts(session, caller.model, now - RECENT, now - STALE)
    return Overview(
        models=_standing(session, request.app.state.list_totals, page[:limit]),
        next=page[limit - 1].name if len(page) > limit else None,
        jobs=listed(session, overview.unfinished_jobs(session, caller.model)),
        running=running,
        waiting=waiting,
        alerts=[AlertView.model_validate(alert) for alert in found],
        since=now - RECENT,
    )


def _standing(session: SessionDep, totals: ListTotals, page: list[Model]) -> list[ModelStanding]:
    names = [model.name for model in page]
    counts, candidates = models.feature_counts(session, names), triggers.candidates_of(session, names)
    active, proposed = overview.active_lists(session, names), overview.proposed_lists(session, names)
    thresholds, starts = overview.thresholds(session, names), _next(overview.schedules(session, names))
    sizes = totals.of(session, [each.number for each in active.values()])
    return [
        ModelStanding(
            name=model.name,
            owner=model.owner,
            description=model.description,
            features=counts[model.name],
            active=_active(active[model.name], sizes) if model.name in active else None,
            proposed=_proposed(*proposed[model.name]) if model.name in proposed else None,
            candidates=candidates[model.name],
            threshold=thresholds.get(model.name),
            schedule=starts.get(model.name),
        )
        for model in page
    ]


def _next(schedules: Iterable[Schedule]) -> dict[str, NextStart]:
    """By model, what is due first."""
    found: dict[str, NextStart] = {}
    for each in schedules:
        due = next_due(each)
        if due is not None and (each.model not in found or due < found[each.model].next_at):
            found[each.model] = NextStart(id=each.id, name=each.name, timezone=each.timezone, next_at=due)
    return found


def _active(found: PublishedList, sizes: dict[int, dict[str, Totals]]) -> ActiveListView:
    sides = {side: ListTotalsView.model_validate(total) for side, total in sizes[found.number].items()}
    return ActiveListView(number=found.number, activated_at=found.activated_at, **sides)


def _proposed(found: PublishedList, waiting: int) -> ProposedListView:
    return ProposedListView(
        number=found.number,
        proposed_at=found.proposed_at,
        guard_passed=found.guard_passed,
        submitted_by=found.submitted_by,
        waiting=waiting,
    )
