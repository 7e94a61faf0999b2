"""What is done to jobs: cancel, retry, clone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter

from service.api.auth import Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import JobDep, NowDep, SessionDep
from service.api.job_views import job_view
from service.api.openapi import problems
from service.api.submissions import JobRequestDep
from service.core.errors import ConflictError, InvalidError
from service.core.job_state import JobState
from service.schemas.jobs import CloneOf, JobOptions, JobView
from service.store import jobs
from service.store.tables import Job
from trainers.spec import JobSpec, merge_patch, parse_spec

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/jobs/{job_id}", tags=["jobs"])
RETRIED = frozenset({JobState.FAILED, JobState.CANCELLED})


@router.post("/cancel", status_code=202, operation_id="cancelJob", summary="Cancel a job", responses=problems(404, 409))
def cancel(job: JobDep, session: SessionDep, caller: Submitter, now: NowDep) -> JobView:
    """Ask for a job to end. Asking again changes nothing; a job that has ended can't be cancelled."""
    if JobState(job.state).ended:
        raise ConflictError("job-ended", f"job {job.id} has {job.state}; only a job that still runs can be cancelled")
    jobs.request_cancel(session, job, caller.name, now)
    return job_view(session, job)


@router.post(
    "/retry", status_code=202, operation_id="retryJob", summary="Run a job again", responses=problems(404, 409, 422)
)
def retry(job: JobDep, job_request: JobRequestDep) -> JobView:
    """A new job of the spec of one that failed or was cancelled, with as long a deadline from now."""
    if JobState(job.state) not in RETRIED:
        detail = f"job {job.id} is {job.state}; a failed or cancelled one can be retried, and any can be cloned"
        raise ConflictError("not-retryable", detail)
    request, columns = {"operation": "retryJob", "job": job.id}, _as(job, "retry", JobOptions(), job_request.now)
    return job_request.answer(request, lambda: JobSpec.model_validate(job.spec), **columns)


@router.post(
    "/clone", status_code=202, operation_id="cloneJob", summary="Clone a job", responses=problems(400, 404, 409, 422)
)
def clone(body: CloneOf, job: JobDep, job_request: JobRequestDep) -> JobView:
    """A new job of another's spec, with changes."""
    if job.model is not None and "features" in body.overrides:
        detail = "overrides.features: a job of a model has the model's features; change their statuses instead"
        raise InvalidError("invalid-spec", detail)
    request = {"operation": "cloneJob", "job": job.id, "body": body.model_dump(exclude_unset=True)}
    columns = _as(job, "clone", body, job_request.now)
    return job_request.answer(request, lambda: parse_spec(merge_patch(job.spec, body.overrides)), **columns)


def _as(job: Job, kind: str, options: JobOptions, now: datetime) -> dict[str, Any]:
    """The columns of a job made from another: the options that were given, else as they were there."""
    deadline = None if job.deadline is None else now + (job.deadline - job.created_at)
    kept = {"priority": job.priority, "dry_run": job.dry_run, "max_failures": job.max_failures, "deadline": deadline}
    given = {"deadline" if name == "deadline_seconds" else name for name in options.model_fields_set}
    changed = {name: value for name, value in options.columns(now).items() if name in given & set(kept)}
    origin = {"kind": kind, "id": job.id, "name": f"{job.name} #{job.number}"}
    return {**kept, **changed, "model": job.model, "origin": origin}
