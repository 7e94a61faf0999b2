"""What routes ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from service.engine import Engine
from service.problems import ApiError
from service.settings import Settings
from service.store import jobs
from service.store.tables import Job


def session_of(request: Request) -> Iterator[Session]:
    """One transaction a request: committed when the route returns, rolled back when it raises."""
    with request.app.state.sessions.begin() as session:
        yield session


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def engine_of(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


# The transaction ends before the response is sent, so that what a 202 says is stored.
SessionDep = Annotated[Session, Depends(session_of, scope="function")]
SettingsDep = Annotated[Settings, Depends(settings_of)]
EngineDep = Annotated[Engine, Depends(engine_of)]


def job_of(job_id: str, session: SessionDep) -> Job:
    job = jobs.find(session, job_id)
    if job is None:
        raise ApiError(404, "job-not-found", f"there is no job {job_id!r}; `GET /v1/jobs` lists those there are")
    return job


JobDep = Annotated[Job, Depends(job_of)]
