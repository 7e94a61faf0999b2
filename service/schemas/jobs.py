"""Jobs as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from service.core.job_state import JobState
from service.store import job_queries
from service.store.tables import Job

JOB: dict[str, Any] = {
    "id": "job-5f0c2b7a9d1e4c3f8a6b",
    "name": "feed-ranker",
    "model": "feed-ranker",
    "state": "searching",
    "dry_run": False,
    "origin": {"kind": "schedule", "id": "sch-1f2e3d4c5b6a79880716"},
    "submitted_by": "ranking-team",
    "priority": 0,
    "position": None,
    "attempt": 1,
    "failures": 0,
    "max_failures": 3,
    "not_before": None,
    "deadline": "2026-01-02T00:00:00Z",
    "reason": None,
    "cancel_requested": False,
    "cancel_requested_at": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:10:00Z",
    "started_at": "2026-01-01T00:00:05Z",
    "ended_at": None,
    "progress": {"stage": "searching", "step": 1200, "total_steps": 8000, "loss": 0.41},
}
PARTS = ("events", "logs", "gates", "attempts", "spec", "prune-list")


class JobSummary(BaseModel):
    """A job as lists show it: without the gates of its progress."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [JOB]})

    id: str
    name: str
    model: str | None = Field(description="the model it selects for; null for a job of a spec alone")
    state: JobState
    dry_run: bool = Field(description="it holds the spec against the data, and trains nothing")
    origin: dict[str, Any] = Field(
        description="what asked for it: `kind` is request, trigger, schedule, retry or clone"
    )
    submitted_by: str
    priority: int = Field(description="higher ones start first")
    position: int | None = Field(default=None, description="place in the queue, from 1; null once it has started")
    attempt: int = Field(description="the number of the newest attempt; 0 before the first")
    failures: int = Field(description="attempts that ended by a fault of the infrastructure")
    max_failures: int = Field(description="so many such attempts are followed by another")
    not_before: datetime | None = Field(description="no attempt begins before")
    deadline: datetime | None = Field(description="the job is cancelled where it hasn't ended by then")
    reason: str | None = Field(description="why it ended as it did")
    cancel_requested: bool
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None = Field(description="stage, step, total_steps, losses, rows_per_second …")

    @classmethod
    def of(cls, job: Job, positions: Mapping[str, int]) -> Self:
        return cls.model_validate(job).model_copy(update={"position": positions.get(job.id)})


class JobView(JobSummary):
    """A job as it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**JOB, "links": {"self": f"/v1/jobs/{JOB['id']}"}}]},
    )

    links: dict[str, str] = Field(default={}, description="where its parts are: events, logs, gates …")


class JobPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jobs": [JOB], "next": 41}]})

    jobs: list[JobSummary]
    next: int | None


def shown(session: Session, job: Job) -> JobView:
    """A job with its place in the queue and its links."""
    path = f"/v1/jobs/{job.id}"
    links = {"self": path, **{part.replace("-", "_"): f"{path}/{part}" for part in PARTS}}
    place = job_queries.position(session, job)
    return JobView.of(job, {} if place is None else {job.id: place}).model_copy(update={"links": links})


def listed(session: Session, jobs: Iterable[Job]) -> list[JobSummary]:
    found = list(jobs)
    waiting = [job.id for job in found if job.state == JobState.QUEUED.value]
    places = job_queries.positions(session, waiting)
    views = [JobSummary.of(job, places) for job in found]
    return [view.model_copy(update={"progress": _without_gates(view.progress)}) for view in views]


def _without_gates(progress: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if progress is None else {name: value for name, value in progress.items() if name != "gates"}
