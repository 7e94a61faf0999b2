"""Jobs as the API shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.core.job_state import JobState
from service.schemas.common import BIGGEST, Instant, QueryModel, RequestModel, StoredText
from service.schemas.runs import PROGRESS
from trainers.runs.progress import Progress

JOB: dict[str, Any] = {
    "id": "job-5f0c2b7a9d1e4c3f8a6b",
    "name": "feed-ranker",
    "model": "feed-ranker",
    "state": "searching",
    "dry_run": False,
    "origin": {"kind": "schedule", "id": "sch-1f2e3d4c5b6a79880716", "name": "nightly"},
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
    "progress": PROGRESS,
}


class JobOutcome(BaseModel):
    """What came of a job that succeeded."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"features": 60, "kept": 40, "changes": {"auc": 0.0003, "gauc": -0.0002}}]}
    )

    features: int
    kept: int = Field(description="features that its prune list keeps")
    changes: dict[str, float] = Field(
        description="by metric (auc, gauc), what the fine-tuned model has over the full one"
    )


class CheckResult(BaseModel):
    """How a dry run ended: a job that trains nothing has no other progress."""

    state: Literal["succeeded"] = "succeeded"
    stage: Literal["done"] = "done"
    check: dict[str, Any] = Field(description="what `winnow check` found")


class JobSummary(BaseModel):
    """A job as lists show it: without the gates of its progress."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [JOB]})

    id: str
    name: str
    model: str | None = Field(description="the model it selects for; null for a job of a spec alone")
    state: JobState
    dry_run: bool = Field(description="it holds the spec against the data, and trains nothing")
    origin: dict[str, Any] = Field(
        description="what asked for it: `kind` is request, trigger, schedule, retry, clone or revision; `id` and "
        "`name` are those of the trigger, the schedule or the job then; of a revision `id` is the list's number"
    )
    submitted_by: str
    priority: int = Field(description="higher ones start first")
    number: int = Field(default=0, description="jobs are numbered as they come; 0 where the service is older")
    position: int | None = Field(default=None, description="place in the queue, from 1; null once it has started")
    outcome: JobOutcome | None = Field(
        default=None,
        description="what came of it, in lists of jobs and of a job that is read; null without a prune list",
    )
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
    progress: Progress | CheckResult | None = Field(description="how far it is; of a dry run what was found")


class JobView(JobSummary):
    """A job as it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**JOB, "prune_list": None, "links": {"self": f"/v1/jobs/{JOB['id']}"}}]},
    )

    prune_list: int | None = Field(
        default=None, description="number of its list among those of its model; null where none was proposed"
    )
    links: dict[str, str] = Field(
        default={},
        description="where its parts are: events, logs, gates …; `published_list` is its list in the model's life",
    )


class JobPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jobs": [JOB], "next": 41}]})

    jobs: list[JobSummary]
    next: int | None


MAX_LIMIT = 200


MONTH_SECONDS = 31 * 24 * 3600


class JobOptions(QueryModel):
    """How a job is run."""

    priority: int = Field(default=0, ge=-100, le=100, description="higher ones start first")
    dry_run: bool = Field(default=False, description="only hold the spec against the data; nothing is trained")
    deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        le=MONTH_SECONDS,
        description="so long after this call the job is cancelled, unless it has ended",
    )
    max_failures: int = Field(
        default=3, ge=0, le=100, description="how many attempts that the infrastructure ended are followed by another"
    )

    def columns(self, now: datetime) -> dict[str, Any]:
        seconds = self.deadline_seconds
        deadline = None if seconds is None else now + timedelta(seconds=seconds)
        options = {"priority": self.priority, "dry_run": self.dry_run, "max_failures": self.max_failures}
        return {**options, "deadline": deadline}


class JobOfModel(JobOptions, RequestModel):
    """A job over a model's essential, active and candidate features, by the model's spec."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"overrides": {"selector": {"target_dims": 0.7}}, "priority": 10}]}
    )

    overrides: dict[str, Any] = Field(
        default={}, description="laid over the model's spec (JSON Merge Patch, RFC 7396); features can't be among them"
    )


class AttemptView(BaseModel):
    """One handing over of a job to Ray."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "number": 1,
                    "outcome": "lost",
                    "reason": "Ray was restarted",
                    "started_at": "2026-01-01T00:00:05Z",
                    "ended_at": "2026-01-01T01:00:00Z",
                }
            ]
        },
    )

    number: int
    outcome: str | None = Field(description="null while it runs, then succeeded, failed, lost or cancelled")
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


class JobQuery(QueryModel):
    """Filters, all of which a job has to fit, and the page."""

    state: list[JobState] = Field(default=[], max_length=9, description="one or more")
    model: StoredText | None = None
    name: StoredText | None = Field(default=None, description="how the name begins")
    submitted_by: StoredText | None = None
    origin: Literal["request", "trigger", "schedule", "retry", "clone", "revision"] | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    dry_run: bool | None = None
    cursor: int | None = Field(default=None, ge=1, le=BIGGEST, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)


class CloneOf(JobOptions, RequestModel):
    """What is to differ from the job that is cloned; what isn't given is as it was there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overrides": {"training": {"seed": 1}}, "priority": 5}]})

    overrides: dict[str, Any] = Field(
        default={}, description="laid over the job's spec (JSON Merge Patch, RFC 7396); not the features of a model's"
    )


QUEUE: dict[str, Any] = {
    "jobs": [{**JOB, "state": "queued", "attempt": 0, "started_at": None, "progress": None, "position": 1}],
    "next": None,
    "waiting": 1,
    "running": 2,
    "limits": {"jobs": 2, "jobs_per_model": 1, "dry_runs": 2},
}


class QueueLimits(BaseModel):
    """How many jobs may run at once; dry runs are counted apart."""

    jobs: int
    jobs_per_model: int
    dry_runs: int


class Queue(BaseModel):
    """Waiting jobs in the order in which they start; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [QUEUE]})

    jobs: list[JobSummary]
    next: int | None
    waiting: int = Field(description="jobs that wait, of those the caller sees")
    running: int = Field(description="jobs under way, of those the caller sees")
    limits: QueueLimits = Field(description="how many may run at once")
    problem: str | None = Field(
        default=None,
        description="why no waiting job starts, and what to do; null where nothing is wrong or none waits",
    )
