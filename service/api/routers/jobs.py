"""`/v1/jobs`: submit, list, watch, read the result."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from service.api.auth import Reader
from service.api.bodies import JsonBodyRoute
from service.api.deps import JobDep, ModelDep, SessionDep
from service.api.etag import UNCHANGED, IfNoneMatch, answer_if_new
from service.api.job_views import job_outcome, job_summaries, job_view
from service.api.openapi import problems
from service.api.submissions import JobRequestDep
from service.core.errors import ConflictError
from service.core.job_state import JobState
from service.jobs.compose import compose
from service.prune_lists.totals import Figures
from service.schemas.jobs import AttemptView, JobOfModel, JobOptions, JobPage, JobQuery, JobView
from service.store import job_queries
from trainers.spec import JobSpec

router = APIRouter(route_class=JsonBodyRoute, tags=["jobs"])
SPEC_EXAMPLE: dict[str, Any] = {
    "name": "teacher",
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "group": "user_id"},
    "features": [
        {"name": "user_id", "kind": "categorical", "dim": 16, "hash_size": 6041, "status": "essential"},
        {"name": "age", "kind": "dense"},
    ],
    "prune": {"rule": "threshold", "threshold": 0.5, "guard": {"metric": "auc", "max_drop": 0.001}},
}


@router.post(
    "/v1/jobs", status_code=202, operation_id="submitJob", summary="Submit a job", responses=problems(400, 409, 422)
)
def submit(
    spec: Annotated[JobSpec, Body(examples=[SPEC_EXAMPLE])],
    options: Annotated[JobOptions, Query()],
    job_request: JobRequestDep,
) -> JobView:
    """Store a job; it starts when the control plane next looks. The job exists once this has answered 202."""
    job_request.caller.require_all_models("a job of no model")
    request = {"operation": "submitJob", "spec": spec.model_dump(mode="json"), "options": options.model_dump()}
    return job_request.answer(request, lambda: spec, **options.columns(job_request.now))


@router.post(
    "/v1/models/{model}/jobs",
    status_code=202,
    operation_id="submitModelJob",
    summary="Submit a job of a model",
    responses=problems(400, 404, 409, 422),
)
def submit_of_model(body: JobOfModel, model: ModelDep, session: SessionDep, job_request: JobRequestDep) -> JobView:
    """Store a job over the model's essential, active and candidate features."""
    request = {"operation": "submitModelJob", "model": model.name, "body": body.model_dump()}
    columns = {**body.columns(job_request.now), "model": model.name}
    return job_request.answer(request, lambda: compose(session, model, body.overrides), **columns)


@router.get("/v1/jobs", operation_id="listJobs", summary="List jobs", responses=problems(422))
def listing_of_jobs(
    request: Request, query: Annotated[JobQuery, Query()], session: SessionDep, caller: Reader
) -> JobPage:
    """Jobs that fit every filter given, newest first."""
    given = query.model_dump(exclude={"state", "model", "cursor", "limit"})
    filters = job_queries.Filters(states=query.state, model=query.model or caller.model, **given)
    if not caller.sees(filters.model):
        return JobPage(jobs=[], next=None)
    figures: Figures = request.app.state.figures
    found = job_queries.page(session, filters, query.cursor, query.limit + 1)
    last = found[query.limit - 1].number if len(found) > query.limit else None
    return JobPage(jobs=job_summaries(session, figures.jobs, found[: query.limit]), next=last)


@router.get("/v1/jobs/{job_id}", operation_id="getJob", summary="Read a job", responses=problems(404))
def read(request: Request, job: JobDep, session: SessionDep) -> JobView:
    """A job, its latest progress, its place in the queue while it waits, and what came of it."""
    figures: Figures = request.app.state.figures
    found = figures.jobs.of(session, [job.number]) if job.state == JobState.SUCCEEDED.value else {}
    return job_view(session, job, job_outcome(found[job.number]) if job.number in found else None)


@router.get("/v1/jobs/{job_id}/attempts", operation_id="listAttempts", summary="List attempts", responses=problems(404))
def attempts(job: JobDep, session: SessionDep) -> list[AttemptView]:
    """Every handing over of the job to Ray, in order."""
    return [AttemptView.model_validate(attempt) for attempt in job_queries.attempts(session, job.id)]


@router.get("/v1/jobs/{job_id}/spec", operation_id="getJobSpec", summary="Read a job's spec", responses=problems(404))
def spec_of(job: JobDep) -> JobSpec:
    """The whole spec, with its defaults: submitted anew, it asks for the same."""
    return JobSpec.model_validate(job.spec)


@router.get(
    "/v1/jobs/{job_id}/spec/changes",
    operation_id="getJobSpecChanges",
    summary="Read what a job's spec changes",
    responses=problems(404),
)
def spec_changes(job: JobDep) -> dict[str, Any]:
    """The part of a job's spec that differs from the defaults."""
    return JobSpec.model_validate(job.spec).model_dump(mode="json", exclude_defaults=True)


@router.get(
    "/v1/jobs/{job_id}/prune-list",
    operation_id="getJobPruneList",
    summary="Read a job's prune list",
    responses={**problems(404, 409), **UNCHANGED},
)
def prune_list(job: JobDep, response: Response, if_none_match: IfNoneMatch = None) -> dict[str, Any]:
    """The prune list of a job that succeeded; it never changes."""
    if job.prune_list is None:
        raise ConflictError("no-prune-list", f"job {job.id} is {job.state} and has no prune list; wait for `succeeded`")
    response.headers["Cache-Control"] = "private, no-cache"
    answer_if_new(if_none_match, f'"{job.prune_list["id"]}"', response)
    return job.prune_list
