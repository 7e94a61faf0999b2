"""Whether the service can be used."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


class Readiness(BaseModel):
    """Whether each part can be used, tried at this moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ready": True, "database": True, "storage": True, "ray": True, "problems": []}]
        }
    )

    ready: bool = Field(description="whether all can, and the service isn't about to end")
    database: bool
    storage: bool = Field(description="whether a file could be written and flushed to the disk")
    ray: bool
    problems: list[str] = Field(default=[], description="what can't be used, and what to do about it")
