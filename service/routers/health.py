"""Liveness, readiness that tells the truth, and Prometheus metrics."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.routers.deps import EngineDep, SessionDep, SettingsDep
from service.states import JobState
from service.store import jobs

log = structlog.get_logger()

router = APIRouter(tags=["health"])


class Health(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


class Readiness(BaseModel):
    """Whether each part can be used, tried at this moment."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ready": True, "database": True, "storage": True, "ray": True}]}
    )

    ready: bool = Field(description="whether all can, and the service isn't about to end")
    database: bool
    storage: bool = Field(description="whether a file could be written and flushed to the disk")
    ray: bool


class Metrics:
    """The service's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "winnow_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.jobs = Gauge("winnow_jobs", "Jobs by state.", ["state"], registry=self.registry)
        self.streams = Gauge("winnow_event_streams", "Streams of events open.", registry=self.registry)


@router.get("/healthz", operation_id="getHealth", summary="Whether the process answers")
def health() -> Health:
    """Asks nothing of database, storage or Ray: a process that answers isn't to be restarted for their sake."""
    return Health(status="ok")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether requests can be served",
    responses={503: {"model": Readiness, "description": "A part can't be used, or the service is about to end"}},
)
def readiness(request: Request, settings: SettingsDep, engine: EngineDep, response: Response) -> Readiness:
    """Database, storage and Ray, each tried."""
    database, storage, ray = _database(request), _storage(settings.home), engine.healthy()
    ready = database and storage and ray and not request.app.state.ending
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, database=database, storage=storage, ray=ray)


def _database(request: Request) -> bool:
    try:
        with request.app.state.sessions() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        log.warning("the database can't be used", error=repr(error))
        return False
    return True


def _storage(home: Path) -> bool:
    """Permission bits say nothing of a full disk or a lost mount: what counts is that a file reaches the disk."""
    try:
        with tempfile.TemporaryFile(dir=home) as stream:
            stream.write(b"ready?")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        log.warning("the storage can't be used", home=str(home), error=repr(error))
        return False
    return True


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics in Prometheus' text format",
    response_class=Response,
    responses={200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request, session: SessionDep) -> Response:
    """Requests by route and status, jobs by state, open streams of events."""
    found: Metrics = request.app.state.metrics
    counted = jobs.count_by_state(session)
    for state in JobState:
        found.jobs.labels(state.value).set(counted.get(state.value, 0))
    found.streams.set(len(request.app.state.feed.listeners))
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)
