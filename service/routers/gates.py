"""`/v1/jobs/{job_id}/gates`: the history of a run's gates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service import gate_history
from service.attempts import directory_of
from service.problems import ApiError
from service.routers.bodies import BIGGEST, StoredText, problems
from service.routers.deps import JobDep, SessionDep, SettingsDep

router = APIRouter(tags=["gates"])


class GateHistory(BaseModel):
    """A row of `gates` and of `divergences` for each step, a column for each feature; null where it is no number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": ["user_id", "age"],
                    "steps": [50, 100],
                    "every": 1,
                    "gates": [[0.9, 0.88], [0.93, 0.71]],
                    "divergences": [[1.2, 0.4], [1.3, 0.4]],
                }
            ]
        }
    )

    features: list[str]
    steps: list[int] = Field(description="the training step at each point's end")
    every: int = Field(description="snapshots that a point is the mean of; 1 where nothing is averaged")
    gates: list[list[float | None]]
    divergences: list[list[float | None]] = Field(description="mean ‖x − x′‖ (LeAP §3.2), averaged over steps")


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
