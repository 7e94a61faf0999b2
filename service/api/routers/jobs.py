"""`/v1/jobs`: submit, list, watch, read the result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Reader, unrestricted
from service.api.deps import JobDep, ModelDep, SessionDep
from service.api.problems import ApiError
from service.api.submissions import SubmittingDep
from service.core.job_state import JobState
from service.jobs.compose import compose
from service.schemas import common
from service.schemas.common import BIGGEST, Instant, StoredText, problems
from service.schemas.jobs import JobPage, JobView, listed, shown
from service.store import job_queries
from trainers.spec import JobSpec

router = APIRouter(tags=["jobs"])
MAX_LIMIT = 200
MONTH_SECONDS = 31 * 24 * 3600
SPEC_EXAMPLE: dict[str, Any] = {
    "name": "teacher",
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "group": "user_id"},
    "features": [
        {"name": "user_id", "kind": "categorical", "dim": 16, "hash_size": 6041, "status": "essential"},
        {"name": "age", "kind": "dense"},
    ],
    "prune": {"rule": "threshold", "threshold": 0.5, "guard": {"metric": "auc", "max_drop": 0.001}},
}


class JobOptions(common.Body):
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


class JobOfModel(JobOptions):
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


@router.post(
    "/v1/jobs", status_code=202, operation_id="submitJob", summary="Submit a job", responses=problems(400, 409, 422)
)
def submit(
    spec: Annotated[JobSpec, Body(examples=[SPEC_EXAMPLE])],
    options: Annotated[JobOptions, Query()],
    submitting: SubmittingDep,
) -> JobView:
    """Store a job; it starts when the control plane next looks. The job exists once this has answered 202."""
    unrestricted(submitting.caller, "a job of no model")
    request = {"operation": "submitJob", "spec": spec.model_dump(mode="json"), "options": options.model_dump()}
    return submitting.answer(request, lambda: spec, **options.columns(submitting.now))


@router.post(
    "/v1/models/{model}/jobs",
    status_code=202,
    operation_id="submitModelJob",
    summary="Submit a job of a model",
    responses=problems(400, 404, 409, 422),
)
def submit_of_model(body: JobOfModel, model: ModelDep, session: SessionDep, submitting: SubmittingDep) -> JobView:
    """Store a job over the model's essential, active and candidate features."""
    request = {"operation": "submitModelJob", "model": model.name, "body": body.model_dump()}
    columns = {**body.columns(submitting.now), "model": model.name}
    return submitting.answer(request, lambda: compose(session, model, body.overrides), **columns)


class JobQuery(common.Body):
    """Filters, all of which a job has to fit, and the page."""

    state: list[JobState] = Field(default=[], max_length=9, description="one or more")
    model: StoredText | None = None
    name: StoredText | None = Field(default=None, description="how the name begins")
    submitted_by: StoredText | None = None
    origin: Literal["request", "trigger", "schedule", "retry", "clone"] | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    dry_run: bool | None = None
    cursor: int | None = Field(default=None, ge=1, le=BIGGEST, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)


@router.get("/v1/jobs", operation_id="listJobs", summary="List jobs", responses=problems(422))
def listing_of_jobs(query: Annotated[JobQuery, Query()], session: SessionDep, caller: Reader) -> JobPage:
    """Jobs that fit every filter given, newest first."""
    given = query.model_dump(exclude={"state", "model", "cursor", "limit"})
    filters = job_queries.Filters(states=query.state, model=query.model or caller.model, **given)
    if not caller.sees(filters.model):
        return JobPage(jobs=[], next=None)
    found = job_queries.page(session, filters, query.cursor, query.limit + 1)
    last = found[query.limit - 1].number if len(found) > query.limit else None
    return JobPage(jobs=listed(session, found[: query.limit]), next=last)


@router.get("/v1/jobs/{job_id}", operation_id="getJob", summary="Read a job", responses=problems(404))
def read(job: JobDep, session: SessionDep) -> JobView:
    """A job, its latest progress, and its place in the queue while it waits."""
    return shown(session, job)


@router.get("/v1/jobs/{job_id}/attempts", operation_id="listAttempts", summary="List attempts", responses=problems(404))
def attempts(job: JobDep, session: SessionDep) -> list[AttemptView]:
    """Every handing over of the job to Ray, in order."""
    return [AttemptView.model_validate(attempt) for attempt in job_queries.attempts(session, job.id)]


@router.get("/v1/jobs/{job_id}/spec", operation_id="getJobSpec", summary="Read a job's spec", responses=problems(404))
def spec_of(job: JobDep) -> JobSpec:
    """The whole spec, with its defaults: submitted anew, it asks for the same."""
    return JobSpec.model_validate(job.spec)


@router.get(
    "/v1/jobs/{job_id}/prune-list",
    operation_id="getJobPruneList",
    summary="Read a job's prune list",
    responses=problems(404, 409),
)
def prune_list(job: JobDep) -> dict[str, Any]:
    """The prune list of a job that succeeded."""
    if job.prune_list is None:
        raise ApiError(409, "no-prune-list", f"job {job.id} is {job.state} and has no prune list; wait for `succeeded`")
    return job.prune_list
