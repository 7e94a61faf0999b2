"""`/v1/queue`: which jobs wait, and how many may run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Reader
from service.api.deps import SessionDep, SettingsDep
from service.schemas.common import BIGGEST, problems
from service.schemas.jobs import JOB, JobSummary
from service.store import job_queries

router = APIRouter(tags=["jobs"])
EXAMPLE: dict[str, Any] = {
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

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    jobs: list[JobSummary]
    next: int | None
    waiting: int = Field(description="jobs that wait, of those the caller sees")
    running: int = Field(description="jobs under way, of those the caller sees")
    limits: QueueLimits = Field(description="how many may run at once")


@router.get("/v1/queue", operation_id="getQueue", summary="Read the queue", responses=problems(422))
def read(
    session: SessionDep,
    settings: SettingsDep,
    caller: Reader,
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Queue:
    """Waiting jobs with their places. A caller of one model sees that model's, at their places among all."""
    found = job_queries.queue(session, caller.model, cursor, limit + 1)
    waiting, running = job_queries.counts(session, caller.model)
    return Queue(
        jobs=[JobSummary.of(job, {job.id: place}) for place, job in found[:limit]],
        next=found[limit - 1][0] if len(found) > limit else None,
        waiting=waiting,
        running=running,
        limits=QueueLimits(
            jobs=settings.max_running_jobs,
            jobs_per_model=settings.max_running_jobs_per_model,
            dry_runs=settings.max_running_checks,
        ),
    )
