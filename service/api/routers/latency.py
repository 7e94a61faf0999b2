"""`/v1/models/{model}/latency`: what serving reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from service.api.auth import Reader, Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep
from service.api.openapi import problems
from service.core.errors import InvalidError
from service.schemas.common import BIGGEST
from service.schemas.conditions import MAX_WINDOW_SECONDS
from service.schemas.triggers import LatencyBody, LatencyPage, LatencyView
from service.store import triggers

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}/latency", tags=["triggers"])
KEPT = timedelta(days=7)
AHEAD = timedelta(minutes=1)  # how far a reporter's clock may be ahead


@router.post("", status_code=201, operation_id="reportLatency", responses=problems(400, 404, 422))
def report(body: LatencyBody, model: ModelDep, session: SessionDep, caller: Submitter, now: NowDep) -> LatencyView:
    """Tell how slow serving is. Reports are kept for a week."""
    time = body.time or now
    if not now - timedelta(seconds=MAX_WINDOW_SECONDS) <= time <= now + AHEAD:
        detail = f"time: {time:%Y-%m-%dT%H:%M:%SZ} is over a day old, or in the future; give when it was measured"
        raise InvalidError("bad-time", detail)
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
