"""Liveness, readiness that tells the truth, and Prometheus metrics."""

from __future__ import annotations

import os

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.problems import Problem
from service.routers.deps import EngineDep, SessionDep, SettingsDep
from service.states import JobState
from service.store import jobs

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str


class Readiness(BaseModel):
    """Whether each part can be used now."""

    ready: bool
    database: bool
    storage: bool
    ray: bool


class Metrics:
    """The service's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "winnow_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.jobs = Gauge("winnow_jobs", "Jobs by state.", ["state"], registry=self.registry)


@router.get("/healthz", operation_id="getHealth")
def health() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get("/readyz", operation_id="getReadiness", responses={503: {"model": Readiness}, 500: {"model": Problem}})
def readiness(request: Request, settings: SettingsDep, engine: EngineDep, response: Response) -> Readiness:
    """Database, storage and Ray, each tried; 503 where one fails."""
    try:
        with request.app.state.sessions() as session:
            session.execute(text("SELECT 1"))
        database = True
    except SQLAlchemyError:
        database = False
    storage = os.access(settings.home, os.W_OK)
    ray = engine.healthy()
    ready = database and storage and ray
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, database=database, storage=storage, ray=ray)


@router.get("/metrics", operation_id="getMetrics", response_class=Response)
def metrics(request: Request, session: SessionDep) -> Response:
    """Prometheus text."""
    found: Metrics = request.app.state.metrics
    counted = jobs.count_by_state(session)
    for state in JobState:
        found.jobs.labels(state.value).set(counted.get(state.value, 0))
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)
