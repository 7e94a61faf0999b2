"""`/v1/jobs/{job_id}/gates` and `…/measures`: how a run's gates moved, and what sums them up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api import response_cache
from service.api.deps import JobDep, SessionDep, SettingsDep
from service.api.etag import IfNoneMatch
from service.api.problems import ApiError
from service.jobs import gate_history
from service.jobs.attempts import directory_of
from service.schemas.common import BIGGEST, StoredText, problems
from trainers.runs import grid, history_reader, measures_reader

router = APIRouter(tags=["gates"])


class GateHistory(BaseModel):
    """A row of `gates`, and of each of `details`, for each step, a column for each feature; null for no number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": ["user_id", "age"],
                    "steps": [50, 100],
                    "every": 1,
                    "gates": [[0.9, 0.88], [0.93, 0.71]],
                    "details": {"divergence": [[1.2, 0.4], [1.3, 0.4]]},
                    "divergences": [[1.2, 0.4], [1.3, 0.4]],
                }
            ]
        }
    )

    features: list[str]
    steps: list[int] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of; 1 where nothing is averaged")
    gates: list[list[float | None]]
    details: dict[str, list[list[float | None]]] = Field(
        description="what the selector tells beside the score, by name; LeAP's divergence is the mean ‖x − x′‖ "
        "(LeAP §3.2), averaged over steps"
    )
    divergences: list[list[float | None]] = Field(deprecated=True, description="the old place of details.divergence")


class GateGrid(BaseModel):
    """The gates as a heat map: F features × T points. Empty until the first snapshot."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": ["user_id", "age"],
                    "steps": [200, 400, 600],
                    "every": 4,
                    "final": [0.9812, 0.0034],
                    "cells": "5vH5f0AB",
                }
            ]
        }
    )

    features: list[str] = Field(description="in the run's order")
    steps: list[int] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of")
    final: list[float | None] = Field(description="each feature's gate in the run's newest snapshot")
    cells: str = Field(description="base64 of F × T bytes, a row a feature: the gate × 254, or 255 for no number")


Series = list[float | None]


class Measures(BaseModel):
    """A run's measures, a column each, all of one length; null where there is no number. Empty until a snapshot."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "every": 1,
                    "steps": [50, 100],
                    "seconds": [2.1, 4.0],
                    "loss": [0.52, 0.47],
                    "held_out_loss": [0.53, 0.49],
                    "held_out_auc": [0.71, 0.74],
                    "penalty": [0.031, 0.029],
                    "low": [0.0, 0.1],
                    "middle": [1.0, 0.8],
                    "high": [0.0, 0.1],
                    "spread": [0.02, 0.11],
                    "entropy": [0.99, 0.91],
                    "crossing_share": [0.0, 0.06],
                    "undecided": [0.0, 0.06],
                    "rows_per_second": [24380.0, 26947.0],
                }
            ]
        }
    )

    every: int = Field(description="snapshots that a point is the mean of")
    steps: list[int] = Field(description="the training step at each point's end")
    seconds: Series = Field(description="of training since the search began, at each point's end")
    loss: Series = Field(description="task loss on training rows, nats")
    held_out_loss: Series = Field(description="task loss on held-out rows, nats; null unless the update is bilevel")
    held_out_auc: Series = Field(description="AUC of the newest held-out rows, as the gated model saw them")
    penalty: Series = Field(description="Σ λ g (LeAP §3.2), nats")
    low: Series = Field(description="share of gates under 0.1")
    middle: Series = Field(description="share of gates in [0.1, 0.9]")
    high: Series = Field(description="share of gates over 0.9")
    spread: Series = Field(description="mean |g − mean g|")
    entropy: Series = Field(description="mean binary entropy of the gates, bits: 1 at 0.5, 0 at 0 and 1")
    crossing_share: Series = Field(description="share of gates that crossed 0.5 within the last 10 snapshots")
    undecided: Series = Field(deprecated=True, description="the old name of crossing_share")
    rows_per_second: Series


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
        raise ApiError(404, "feature-not-found", f"job {job.id} has no feature {str(error)!r}") from None
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
    response_model=Measures,
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
