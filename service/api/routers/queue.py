"""`/v1/queue`: which jobs wait, and how many may run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from service.api.auth import Reader
from service.api.deps import EngineDep, SessionDep, SettingsDep
from service.api.job_views import job_summary
from service.api.openapi import problems
from service.ray.absence import ray_problem
from service.schemas.common import BIGGEST
from service.schemas.jobs import Queue, QueueLimits
from service.store import job_queries

router = APIRouter(tags=["jobs"])


@router.get("/v1/queue", operation_id="getQueue", summary="Read the queue", responses=problems(422))
def read(
    session: SessionDep,
    settings: SettingsDep,
    engine: EngineDep,
    caller: Reader,
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Queue:
    """Waiting jobs with their places. A caller of one model sees that model's, at their places among all."""
    found = job_queries.queue(session, caller.model, cursor, limit + 1)
    waiting, running = job_queries.counts(session, caller.model)
    return Queue(
        jobs=[job_summary(job, place) for place, job in found[:limit]],
        next=found[limit - 1][0] if len(found) > limit else None,
        waiting=waiting,
        running=running,
        limits=QueueLimits(
            jobs=settings.max_running_jobs,
            jobs_per_model=settings.max_running_jobs_per_model,
            dry_runs=settings.max_running_checks,
        ),
        problem=ray_problem(engine, settings) if waiting else None,
    )
