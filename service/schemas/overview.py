"""How models stand, what runs, and what to look into."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.jobs import JOB, JobSummary
from service.schemas.prune_lists import AFTER, BEFORE, ListTotalsView
from trainers.runs.prune_list import Verdict

ACTIVE: dict[str, Any] = {"number": 12, "activated_at": "2026-01-01T09:00:00Z", "before": BEFORE, "after": AFTER}


PROPOSED: dict[str, Any] = {
    "number": 13,
    "proposed_at": "2026-01-02T02:00:00Z",
    "verdict": "passed",
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
    verdict: Verdict = Field(description="the guard's")
    guard_passed: bool = Field(
        deprecated=True, description="for one more version: whether the verdict is `passed`; read verdict"
    )
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
    candidates: int = Field(
        description="those of `features.candidate` that were registered, or put back by hand, since the last "
        "selection: what triggers count"
    )
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
