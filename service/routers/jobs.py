"""`/v1/jobs`: submit, list, watch, cancel, read the result."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict

from service.access import Reader, Submitter
from service.problems import ApiError, Problem, sendable
from service.routers.deps import JobDep, NowDep, SessionDep, SettingsDep
from service.states import JobState
from service.store import events, jobs
from service.store.tables import Job
from trainers.run_directory import RunDirectory
from trainers.spec import JobSpec

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
ERRORS: dict[int | str, dict[str, Any]] = {404: {"model": Problem}, 422: {"model": Problem}}
ENDED_ERRORS: dict[int | str, dict[str, Any]] = {**ERRORS, 409: {"model": Problem}}
MAX_LIMIT = 200
COLUMNS = ("gate", "divergence")


class JobView(BaseModel):
    """A job as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    state: JobState
    reason: str | None
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    progress: dict[str, Any] | None


class JobPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    jobs: list[JobView]
    next: int | None


class EventView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    time: datetime
    kind: str
    data: dict[str, Any]


class GateHistory(BaseModel):
    """A row of `gates` and of `divergences` for each step, a column for each feature."""

    features: list[str]
    steps: list[int]
    gates: list[list[float]]
    divergences: list[list[float]]


@router.post("", status_code=202, operation_id="submitJob", responses={422: {"model": Problem}})
def submit(spec: JobSpec, session: SessionDep, caller: Submitter, now: NowDep, response: Response) -> JobView:
    """Store a job; it starts when the control plane next looks. The job exists once this has answered 202."""
    _refuse_relative(spec)
    content = spec.model_dump(mode="json")
    _refuse_unstorable(content)
    job = jobs.create(session, content, now, submitted_by=caller.name)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobView.model_validate(job)


def _refuse_relative(spec: JobSpec) -> None:
    """A path relative to the sender's folder means nothing here."""
    for split in ("train", "validation", "test"):
        uri = getattr(spec.dataset, split)
        if uri is not None and "://" not in uri and not Path(uri).is_absolute():
            detail = f"dataset.{split}: {uri!r} is a relative path; give an absolute path, or a URI"
            raise ApiError(422, "relative-path", detail)


def _refuse_unstorable(content: Any, place: tuple[str | int, ...] = ("body",)) -> None:
    """JSON has no infinities and PostgreSQL no NUL, and both read well in Python. Raises RequestValidationError."""
    message = None
    if isinstance(content, float) and not math.isfinite(content):
        message = "give a finite number"
    elif isinstance(content, str) and ("\0" in content or sendable(content) != content):
        message = "give text without NUL characters and halves of surrogate pairs"
    if message is not None:
        raise RequestValidationError([{"loc": place, "msg": message, "input": content}])
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        _refuse_unstorable(part, (*place, key))


@router.get("", operation_id="listJobs", responses={422: {"model": Problem}})
def listing(
    session: SessionDep,
    caller: Reader,
    state: JobState | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> JobPage:
    """Jobs, newest first, of one state or all."""
    found = jobs.page(session, state=state, after=cursor, limit=limit + 1)
    shown = found[:limit]
    return JobPage(
        jobs=[JobView.model_validate(job) for job in shown],
        next=shown[-1].number if len(found) > limit else None,
    )


@router.get("/{job_id}", operation_id="getJob", responses=ERRORS)
def read(job: JobDep) -> JobView:
    """A job and its latest progress."""
    return JobView.model_validate(job)


@router.post(
    "/{job_id}/cancel", status_code=202, operation_id="cancelJob", responses={**ERRORS, 409: {"model": Problem}}
)
def cancel(job: JobDep, session: SessionDep, caller: Submitter, now: NowDep) -> JobView:
    """Ask for a job to end. Asking again changes nothing; a job that has ended can't be cancelled."""
    if JobState(job.state).ended:
        raise ApiError(409, "job-ended", f"job {job.id} has {job.state}; only a job that still runs can be cancelled")
    if not job.cancel_requested:
        job.cancel_requested = True
        jobs.record(session, job, "job.cancel_requested", {"by": caller.name}, now)
    return JobView.model_validate(job)


@router.get("/{job_id}/events", operation_id="listJobEvents", responses=ERRORS)
def job_events(
    job: JobDep,
    session: SessionDep,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[EventView]:
    """What happened to a job, in order, beyond event number `after`."""
    return [EventView.model_validate(event) for event in events.after(session, after, limit, job_id=job.id)]


@router.get("/{job_id}/prune-list", operation_id="getPruneList", responses=ENDED_ERRORS)
def prune_list(job: JobDep) -> dict[str, Any]:
    """The prune list of a job that succeeded."""
    if job.prune_list is None:
        raise ApiError(409, "no-prune-list", f"job {job.id} is {job.state} and has no prune list; wait for `succeeded`")
    return job.prune_list


@router.get("/{job_id}/gates", operation_id="getGates", responses=ERRORS)
def gates(
    job: JobDep,
    settings: SettingsDep,
    feature: Annotated[list[str] | None, Query()] = None,
    last: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> GateHistory:
    """The history of the gates, of some features or all, over the last so many snapshots."""
    directory = RunDirectory(settings.run_directory(job.id))
    if not directory.gates.exists():
        return GateHistory(features=[], steps=[], gates=[], divergences=[])
    return _history(job, directory, feature, last)


def _history(job: Job, directory: RunDirectory, wanted: list[str] | None, last: int) -> GateHistory:
    """Rows of the file stand by step, and by feature within each."""
    table = pq.read_table(directory.gates)
    step = table["step"].to_numpy()
    features = int((step == step[0]).sum())
    names = [str(name) for name in table["feature"].slice(0, features).to_pylist()]
    unknown = [name for name in wanted or [] if name not in names]
    if unknown:
        raise ApiError(404, "feature-not-found", f"job {job.id} has no feature {unknown[0]!r}")
    chosen = [names.index(name) for name in wanted or names]
    gate, divergence = (table[column].to_numpy().reshape(-1, features)[-last:, chosen] for column in COLUMNS)
    return GateHistory(
        features=[names[place] for place in chosen],
        steps=step[::features][-last:].tolist(),
        gates=gate.tolist(),
        divergences=divergence.tolist(),
    )
