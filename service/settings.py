"""Settings of the control plane, from the environment (`WINNOW_…`) or from arguments."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All state lives under `home` unless a URL says otherwise."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", frozen=True)

    home: Path = Path(".winnow")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite under home unless given")
    ray_address: str | None = Field(default=None, description="of Ray's job server; a local Ray unless given")
    poll_seconds: float = Field(default=1.0, gt=0)
    lease_seconds: float = Field(default=30.0, gt=0)

    @property
    def database(self) -> str:
        url = self.database_url or f"sqlite:///{self.home.resolve() / 'winnow.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    def run_directory(self, job_id: str) -> Path:
        return self.home.resolve() / "runs" / job_id
