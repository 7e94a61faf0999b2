"""What routes ask for. What isn't there and what isn't the caller's answer alike: 404."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from service.api.auth import Reader
from service.api.session import SessionDep
from service.core.errors import NotFoundError
from service.ray.client import Engine
from service.schemas.common import storable
from service.settings import Settings
from service.store import jobs, models
from service.store.tables import Job, Model

__all__ = ["EngineDep", "JobDep", "ModelDep", "NowDep", "SessionDep", "SettingsDep"]


# FastAPI calls what is async where it stands, and anything else on a thread, which costs more than these do.
async def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def engine_of(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def now_of(request: Request) -> datetime:
    now: datetime = request.app.state.now()
    return now


SettingsDep = Annotated[Settings, Depends(settings_of)]
EngineDep = Annotated[Engine, Depends(engine_of)]
NowDep = Annotated[datetime, Depends(now_of)]


def job_of(job_id: str, session: SessionDep, caller: Reader) -> Job:
    """The job of the path. Raises NotFoundError where there is none that the caller sees."""
    job = jobs.find(session, job_id) if storable(job_id) else None
    if job is None or not caller.sees(job.model):
        raise NotFoundError("job-not-found", f"there is no job {job_id!r}; `GET /v1/jobs` lists those there are")
    return job


def model_of(model: str, session: SessionDep, caller: Reader) -> Model:
    """The model of the path. Raises NotFoundError where there is none that the caller sees."""
    found = models.find(session, model) if storable(model) else None
    if found is None or not caller.sees(found.name):
        raise NotFoundError("model-not-found", f"there is no model {model!r}; `GET /v1/models` lists those there are")
    return found


JobDep = Annotated[Job, Depends(job_of)]
ModelDep = Annotated[Model, Depends(model_of)]
