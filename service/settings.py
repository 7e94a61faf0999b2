"""Settings of the control plane, from the environment (`WINNOW_…`) or from arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import limits
from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EVERYWHERE = "*"


def _rate(given: str) -> str:
    if given:
        try:
            limits.parse(given)
        except ValueError:
            raise ValueError(f"{given!r} is no rate; give one such as 600/minute or 20/second") from None
    return given


RateLimit = Annotated[str, AfterValidator(_rate)]


class Settings(BaseSettings):
    """All state lives under `home` unless a URL says otherwise."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", frozen=True)

    home: Path = Path(".winnow")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; SQLite under home unless given")
    ray_address: str | None = Field(
        default=None, pattern=r"^https?://", description="URL of Ray's job server; a local Ray unless given"
    )
    ray_timeout_seconds: float = Field(default=10.0, gt=0, description="how long a call to Ray's job server may take")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where runs reach this service; `winnow serve` knows it, and without it runs are watched by files",
    )
    poll_seconds: float = Field(default=1.0, gt=0)
    metrics_features: int = Field(
        default=0, ge=0, le=1000, description="of how many features of a running job /metrics has the gates by name"
    )
    lease_seconds: float = Field(default=30.0, gt=0)

    max_running_jobs: int = Field(default=2, ge=1, description="how many jobs train at once")
    max_running_jobs_per_model: int = Field(default=1, ge=1, description="how many of those may be of one model")
    max_running_checks: int = Field(default=2, ge=1, description="how many dry runs go on at once, beside the jobs")
    retry_seconds: float = Field(
        default=10.0, ge=0, description="pause before the second attempt; it doubles from attempt to attempt"
    )
    retry_max_seconds: float = Field(default=600.0, ge=0, description="the longest pause between two attempts")
    cancel_grace_seconds: float = Field(
        default=15.0, ge=0, description="how long a run that is cancelled has to end by itself"
    )
    snapshot_seconds: float = Field(default=1.0, ge=0, description="the least time between two snapshots of a job")
    trigger_seconds: float = Field(default=60.0, gt=0, le=3600, description="pause between evaluations of a trigger")
    observe_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="how long a trigger's look at Prometheus or at partitions may take"
    )
    prometheus_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Prometheus that triggers' queries are put to"
    )
    retention_seconds: float = Field(default=3600.0, gt=0, description="pause between two looks for what is too old")
    keep_runs_days: float = Field(
        default=90.0, gt=0, le=36500, description="how long the run directory of an ended job is kept"
    )
    keep_events_days: float = Field(
        default=90.0, gt=0, le=36500, description="how long events, evaluations, deliveries and audit entries are kept"
    )
    keep_idempotency_hours: float = Field(
        default=24.0, gt=0, le=8760, description="how long a repeated Idempotency-Key is answered with its first job"
    )

    max_body_bytes: int = Field(default=2**24, ge=2**16, description="the largest body of a request")
    session_hours: float = Field(
        default=12.0, gt=0, le=8760, description="how long a browser that signed in with a key stays signed in"
    )
    rate_limit: RateLimit = Field(
        default="6000/minute", description="requests of one key, on one replica (`600/minute`, `20/second`); empty: any"
    )
    unknown_rate_limit: RateLimit = Field(
        default="120/minute", description="requests without a good key from one address, on one replica; empty: any"
    )
    webhook_parallel: int = Field(default=8, ge=1, le=256, description="how many deliveries a replica sends at a time")
    webhook_allow_private: bool = Field(
        default=False, description="whether webhooks may lead to private, loopback and link-local addresses"
    )
    webhook_allow_http: bool = Field(default=False, description="whether webhooks may be unencrypted")
    webhook_disable_days: float = Field(
        default=5.0, gt=0, le=365, description="a webhook that only failed for so long is disabled"
    )

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

    @model_validator(mode="after")
    def _lease_outlasts_an_observation(self) -> Self:
        if self.lease_seconds <= self.observe_seconds:
            raise ValueError(
                f"observe_seconds: a trigger's lease of {self.lease_seconds:g} s (lease_seconds) can end within "
                f"{self.observe_seconds:g} s; give less"
            )
        return self

    @property
    def database(self) -> str:
        url = self.database_url or f"sqlite:///{self.home.resolve() / 'winnow.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    def run_directory(self, job_id: str, attempt: int = 0) -> Path:
        """Of an attempt; 0 is the folder of all of a job's attempts."""
        folder = self.home.resolve() / "runs" / job_id
        return folder / f"attempt-{attempt}" if attempt else folder
