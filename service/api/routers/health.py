"""Liveness, and readiness that tells the truth."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.api.deps import EngineDep, SettingsDep
from service.ray.absence import ray_problem
from service.schemas.health import Health, Readiness

log = structlog.get_logger()

router = APIRouter(tags=["health"])

DATABASE = "the database can't be used; check that it runs and that WINNOW_DATABASE_URL leads to it"
STORAGE = "no file can be written under the service's home; check the room on its disk, its mount and its permissions"
ENDING = "the service is about to end; ask again when it has been started"


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
    database, storage, ray = _database(request), _storage(settings.home), ray_problem(engine, settings)
    found = (None if database else DATABASE, None if storage else STORAGE, ray)
    problems = [problem for problem in found if problem is not None]
    if request.app.state.ending:
        problems.append(ENDING)
    response.status_code = 503 if problems else 200
    return Readiness(ready=not problems, database=database, storage=storage, ray=ray is None, problems=problems)


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
