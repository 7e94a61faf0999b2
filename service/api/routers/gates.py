"""`/v1/jobs/{job_id}/gates` and `…/measures`: how a run's gates moved, and what sums them up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api import response_cache
from service.api.deps import JobDep, SessionDep, SettingsDep
from service.api.etag import IfNoneMatch
from service.api.openapi import problems
from service.core.errors import NotFoundError
from service.jobs import gate_history
from service.jobs.attempts import directory_of
from service.schemas.common import BIGGEST, StoredText
from trainers.runs import grid, history_reader, measures_reader
from trainers.runs.series import GateGrid, GateHistory, MeasureSeries

router = APIRouter(tags=["gates"])


WATCHED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"schema": {"type": "string"}, "description": "strong; of this state of the run"}}},
    304: {"description": "`If-None-Match` names what there is"},
}


@router.get(
    "/v1/jobs/{job_id}/gates",
    operation_id="getGates",
    summary="Read the gates' history",
    response_model=GateHistory,
    responses=problems(404, 422),
)
def gates(
    job: JobDep,
    session: SessionDep,
    settings: SettingsDep,
    feature: Annotated[list[StoredText], Query(max_length=1000, description="one or more; all unless given")] = [],  # noqa: B006
    last: Annotated[
        int | None, Query(ge=1, le=BIGGEST, description="the last so many snapshots; all unless given")
    ] = None,
    points: Annotated[int, Query(ge=1, le=10_000, description="how many points at most")] = 1000,
) -> Response:
    """The gates over the run, thinned to at most `points` points and to two million values of gates.

    Where there are more snapshots than points, a point is the mean over `every` of them. Empty until the first one.
    """
    session.commit()
    path = directory_of(settings, job).history
    try:
        found = gate_history.read(path, feature, last, points)
    except gate_history.UnknownFeatureError as error:
        raise NotFoundError("feature-not-found", f"job {job.id} has no feature {str(error)!r}") from None
    return Response(gate_history.as_json(found), media_type="application/json")


@router.get(
    "/v1/jobs/{job_id}/gates/grid",
    operation_id="getGateGrid",
    summary="Read the gates as a heat map",
    response_model=GateGrid,
    responses={**problems(404, 422), **WATCHED},
)
def gate_grid(
    job: JobDep,
    session: SessionDep,
    settings: SettingsDep,
    request: Request,
    columns: Annotated[int, Query(ge=1, le=10_000, description="how many points at most")] = 200,
    from_step: Annotated[
        int | None, Query(ge=0, le=BIGGEST, description="the first step; the run's unless given")
    ] = None,
    to_step: Annotated[
        int | None, Query(ge=0, le=BIGGEST, description="the last step; the newest unless given")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The gates of all features between two steps, in at most `columns` points and two million cells.

    Where there are more snapshots than columns, a point is the mean over `every` of them: a narrower span shows finer
    ones. With its ETag as `If-None-Match`, 304 says that nothing was added.
    """
    session.commit()
    path = directory_of(settings, job).history
    files, query = history_reader.newest_files(path), ("grid", columns, from_step, to_step)
    return response_cache.answer(
        request, if_none_match, files, query, lambda: grid.read(path, columns, from_step, to_step).document()
    )


@router.get(
    "/v1/jobs/{job_id}/measures",
    operation_id="getMeasures",
    summary="Read a run's measures over time",
    response_model=MeasureSeries,
    responses={**problems(404, 422), **WATCHED},
)
def run_measures(
    job: JobDep,
    session: SessionDep,
    settings: SettingsDep,
    request: Request,
    after_step: Annotated[
        int | None, Query(ge=0, le=BIGGEST, description="only what came after it; all unless given")
    ] = None,
    points: Annotated[int, Query(ge=1, le=10_000, description="how many points at most")] = 1000,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Losses, penalty, polarization and throughput of a search, thinned to at most `points` points.

    Where there are more snapshots than points, a point is the mean over `every` of them. With its ETag as
    `If-None-Match`, 304 says that nothing was added.
    """
    session.commit()
    path = directory_of(settings, job).measures
    query = ("measures", after_step, points)
    return response_cache.answer(
        request, if_none_match, [path], query, lambda: measures_reader.read(path, after_step, points).document()
    )
