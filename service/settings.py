"""Settings of the control plane, from the environment (`WINNOW_…`) or from arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EVERYWHERE = "*"


class Settings(BaseSettings):
    """All state lives under `home` unless a URL says otherwise."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", frozen=True)

    home: Path = Path(".winnow")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite under home unless given")
    ray_address: str | None = Field(
        default=None, pattern=r"^https?://", description="URL of Ray's job server; a local Ray unless given"
    )
    ray_timeout_seconds: float = Field(default=10.0, gt=0, description="how long a call to Ray's job server may take")
    max_resubmissions: int = Field(default=3, ge=0, description="how often a job that Ray lost is started again")
    poll_seconds: float = Field(default=1.0, gt=0)
    lease_seconds: float = Field(default=30.0, gt=0)

    data_roots: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="directories and URIs, separated by commas, under which data sets and outputs may lie; `*` for all "
        "but file: URIs; a service on loopback takes that where none is given, any other refuses every place",
    )

    @field_validator("data_roots", mode="before")
    @classmethod
    def _apart(cls, given: Any) -> Any:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("data_roots")
    @classmethod
    def _can_be_roots(cls, roots: tuple[str, ...]) -> tuple[str, ...]:
        for root in roots:
            path = root.startswith("/") or ("://" in root and not root.lower().startswith("file:"))
            if root != EVERYWHERE and (not path or ".." in root.split("/")):
                raise ValueError(f"{root!r} is no absolute directory and no URI; give /data, s3://bucket/folder, or *")
        return roots

    @model_validator(mode="after")
    def _lease_outlasts_a_look(self) -> Self:
        if self.lease_seconds <= 2 * self.ray_timeout_seconds:
            raise ValueError(
                f"lease_seconds: {self.lease_seconds:g} can end while a replica waits for Ray, which it asks twice for "
                f"up to ray_timeout_seconds ({self.ray_timeout_seconds:g}); give more than twice that"
            )
        return self

    @property
    def database(self) -> str:
        url = self.database_url or f"sqlite:///{self.home.resolve() / 'winnow.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    def run_directory(self, job_id: str) -> Path:
        return self.home.resolve() / "runs" / job_id
