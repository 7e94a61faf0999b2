"""`/v1/models/{model}/latency`: what serving reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Reader, Submitter
from service.api.deps import ModelDep, NowDep, SessionDep
from service.api.problems import ApiError
from service.schemas.automatic import Moment
from service.schemas.common import BIGGEST, Body, problems
from service.store import triggers
from service.triggers.latency import MAX_WINDOW_SECONDS

router = APIRouter(prefix="/v1/models/{model}/latency", tags=["triggers"])
KEPT = timedelta(days=7)
AHEAD = timedelta(minutes=1)  # how far a reporter's clock may be ahead
REPORT: dict[str, Any] = {"number": 5, "time": "2026-01-01T12:00:00Z", "p99_seconds": 0.043, "reported_by": "serving"}


class LatencyBody(Body):
    """Serving latency as measured."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"p99_seconds": 0.043}]})

    p99_seconds: float = Field(gt=0, le=3600, allow_inf_nan=False, description="99th percentile")
    time: Moment | None = Field(default=None, description="when it was measured; now unless given")


class LatencyView(BaseModel):
    """A report."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [REPORT]})

    number: int
    time: datetime
    p99_seconds: float
    reported_by: str


class LatencyPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reports": [REPORT], "next": None}]})

    reports: list[LatencyView]
    next: int | None


@router.post("", status_code=201, operation_id="reportLatency", responses=problems(400, 404, 422))
def report(body: LatencyBody, model: ModelDep, session: SessionDep, caller: Submitter, now: NowDep) -> LatencyView:
    """Tell how slow serving is. Reports are kept for a week."""
    time = body.time or now
    if not now - timedelta(seconds=MAX_WINDOW_SECONDS) <= time <= now + AHEAD:
        detail = f"time: {time:%Y-%m-%dT%H:%M:%SZ} is over a day old, or in the future; give when it was measured"
        raise ApiError(422, "bad-time", detail)
    triggers.forget_latencies(session, model.name, now - KEPT)
    made = triggers.add_latency(
        session, model=model.name, time=min(time, now), p99_seconds=body.p99_seconds, by=caller.name
    )
    return LatencyView.model_validate(made)


@router.get("", operation_id="listLatency", responses=problems(404, 422))
def listing(
    model: ModelDep,
    session: SessionDep,
    caller: Reader,
    cursor: Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> LatencyPage:
    """What was reported."""
    found = triggers.latency_page(session, model.name, cursor, limit + 1)
    page = found[:limit]
    return LatencyPage(
        reports=[LatencyView.model_validate(each) for each in page],
        next=page[-1].number if len(found) > limit else None,
    )
