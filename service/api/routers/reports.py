"""`/v1/jobs/{job_id}/attempts/{number}/reports`: what a run says of itself.

A run has a token of its own, with which it can write to its own attempt and do nothing else.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.problems import ApiError
from service.core.job_state import JobState
from service.schemas.common import BIGGEST, Body, problems, refuse_unstorable, storable
from service.store import attempts
from service.store.keys import digest
from service.store.tables import Attempt, Job

router = APIRouter(tags=["runs"])
run_token = HTTPBearer(
    scheme_name="runToken", auto_error=False, description="The token of one attempt's run, which the service gives it."
)
MAX_GATES = 1000
MAX_RANKS = 4096
Count = Annotated[int, Field(ge=0, le=BIGGEST)]
Shares = Annotated[dict[str, float], Field(max_length=20)]
PROGRESS: dict[str, Any] = {
    "state": "running",
    "stage": "searching",
    "step": 1200,
    "total_steps": 8000,
    "attempt": 0,
    "loss": 0.41,
}


class Rank(Body):
    """What a worker reported last."""

    rank: Annotated[int, Field(ge=0, lt=MAX_RANKS)]
    step: Count
    embedding_bytes: Count = Field(description="of its part of the tables' weights")
    reported_at: float = Field(ge=0, le=1e11, description="seconds since 1970")


class Progress(Body):
    """How far a run is."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROGRESS]})

    state: Literal["running", "succeeded", "failed"]
    stage: Literal["starting", "searching", "ranking", "finetuning", "evaluating", "done"]
    step: Count
    total_steps: Count = Field(description="what the stage will take; 0 where that isn't counted")
    attempt: int = Field(ge=-1, le=BIGGEST, description="how often the run's workers were started anew")
    loss: float | None = None
    penalty: float | None = None
    held_out_loss: float | None = None
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    step_seconds: float | None = Field(default=None, description="mean time of a step of the slowest worker")
    decode_seconds: float | None = Field(default=None, ge=0, description="spent on reading and decoding so far")
    advanced_at: float | None = Field(
        default=None, ge=0, le=1e11, description="when a step was last counted or a stage began, seconds since 1970"
    )
    stages: Shares | None = Field(default=None, description="seconds spent in stages that are over")
    ranks: Annotated[list[Rank], Field(max_length=MAX_RANKS)] | None = None
    eta: float | None = Field(default=None, description="seconds until the stage ends")
    polarization: Shares | None = Field(default=None, description="shares of gates that are open, closed, undecided")
    crossing_share: float | None = Field(default=None, description="share of gates that lately crossed 0.5")
    undecided: float | None = Field(default=None, deprecated=True, description="the old name of crossing_share")
    gate_counts: Annotated[list[Count], Field(max_length=100)] | None = Field(
        default=None, description="how many gates lie in each of as many equal parts of [0, 1]"
    )
    converged: Annotated[dict[str, bool], Field(max_length=20)] | None = None
    gate_sum: float | None = Field(default=None, description="sum of all the gates")
    gates: Annotated[dict[str, float], Field(max_length=MAX_GATES)] | None = Field(
        default=None, description="gates by feature, of the first 1,000"
    )


class Report(Body):
    """What a run tells. A number that isn't higher than the last changes nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 7, "progress": PROGRESS}]})

    number: int = Field(ge=1, le=BIGGEST, description="rises from report to report of an attempt")
    progress: Progress | None = Field(default=None, description="null while there is none, and the run is alive")


class Answer(BaseModel):
    """What the run is to do."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"taken": 7, "stop": None}, {"taken": 8, "stop": "cancelled"}]},
    )

    taken: int = Field(description="the highest number taken")
    stop: str | None = Field(description="why the run is to end at once, such as `cancelled`; null to go on")


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
    found = attempts.locked(session, job_id, number) if storable(job_id) else None
    if found is None or not hmac.compare_digest(found[1].token_hash, digest(credentials.credentials)):
        raise ApiError(403, "token-of-another", f"this token isn't that of attempt {number} of job {job_id!r}")
    job, attempt = found
    if attempt.number != job.attempt:
        detail = f"attempt {number} of job {job_id} was given up; attempt {job.attempt} took its place: end this run"
        raise ApiError(409, "attempt-fenced", detail)
    if JobState(job.state).ended or attempt.outcome is not None:
        detail = f"attempt {number} of job {job_id} is over, and the job is {job.state}: end this run"
        raise ApiError(409, "attempt-ended", detail)
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
        attempts.progressed(session, job, _content(body), now, settings.snapshot_seconds)
    return Answer(taken=attempt.reports, stop="cancelled" if job.cancel_requested else None)


def _content(body: Report) -> dict[str, Any] | None:
    content = None if body.progress is None else body.progress.model_dump(exclude_none=True)
    refuse_unstorable(content, ("body", "progress"))
    return content
