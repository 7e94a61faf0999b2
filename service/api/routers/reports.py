"""`/v1/jobs/{job_id}/attempts/{number}/reports`: what a run says of itself.

A run has a token of its own, with which it can write to its own attempt and do nothing else.
"""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from service.api.bodies import JsonBodyRoute
from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.openapi import problems
from service.api.problems import ApiError
from service.core.errors import ConflictError, ForbiddenError
from service.core.job_state import JobState
from service.schemas.common import BIGGEST, refuse_unstorable, storable
from service.schemas.runs import Answer, Report
from service.store import attempts
from service.store.keys import digest
from service.store.tables import Attempt, Job

router = APIRouter(route_class=JsonBodyRoute, tags=["runs"])
run_token = HTTPBearer(
    scheme_name="runToken", auto_error=False, description="The token of one attempt's run, which the service gives it."
)


Number = Annotated[int, Path(ge=1, le=BIGGEST, description="the attempt's number")]


def reporting(
    job_id: str,
    number: Number,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(run_token)],
) -> tuple[Job, Attempt]:
    """The attempt that the token is of, and its job, locked. Raises ApiError 401, 403 or 409."""
    if credentials is None:
        raise ApiError(401, "token-missing", "no run token; a run finds it in the file that `--reporting` names")
    found = attempts.get_locked(session, job_id, number) if storable(job_id) else None
    if found is None or not hmac.compare_digest(found[1].token_hash, digest(credentials.credentials)):
        raise ForbiddenError("token-of-another", f"this token isn't that of attempt {number} of job {job_id!r}")
    job, attempt = found
    if attempt.number != job.attempt:
        detail = f"attempt {number} of job {job_id} was given up; attempt {job.attempt} took its place: end this run"
        raise ConflictError("attempt-fenced", detail)
    if JobState(job.state).ended or attempt.outcome is not None:
        detail = f"attempt {number} of job {job_id} is over, and the job is {job.state}: end this run"
        raise ConflictError("attempt-ended", detail)
    return job, attempt


@router.post(
    "/v1/jobs/{job_id}/attempts/{number}/reports",
    operation_id="reportProgress",
    summary="Report a run's progress",
    responses=problems(400, 409, 422),
)
def report(
    body: Report,
    found: Annotated[tuple[Job, Attempt], Depends(reporting)],
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
) -> Answer:
    """Take what a run says of itself. A report of an attempt that was given up, or has ended, is refused."""
    job, attempt = found
    if body.number > attempt.reports:
        attempt.reports = body.number
        refuse_unstorable(None if body.progress is None else body.progress.document(), ("body", "progress"))
        attempts.record_progress(session, job, body.progress, now, settings.snapshot_seconds)
    return Answer(taken=attempt.reports, stop="cancelled" if job.cancel_requested else None)
