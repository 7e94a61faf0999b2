"""`/metrics`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.api.auth import Reader
from service.api.openapi import problems
from service.api.session import SessionDep
from service.core.errors import ForbiddenError
from service.metrics import Metrics

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics in Prometheus' text format",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(403),
    },
)
def metrics(request: Request, caller: Reader, session: SessionDep) -> Response:
    """What this replica did, and what the store says; of all models, and so not for keys of one."""
    if caller.model is not None:
        detail = f"metrics are of all models, and key {caller.name!r} is of {caller.model!r}; use one of all models"
        raise ForbiddenError("key-of-one-model", detail)
    session.commit()  # the store is read in a transaction of its own
    found: Metrics = request.app.state.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)
