"""Jobs, their attempts, and answers remembered for repeated requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Long, Number


class Job(Base):
    """A run asked for. Its state is changed by `service.store.jobs.move` alone.

    A replica may act on a job while it holds the unexpired lease. `attempt` is the fencing number: 0 before the job was
    handed to Ray for the first time; what an older attempt writes is refused. `failures` counts attempts that ended by
    a fault of the infrastructure, and no attempt begins before `not_before`.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_waiting", "state", "priority", "number"), Index("jobs_of_model", "model", "number"))

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    name: Mapped[str]
    model: Mapped[str | None] = mapped_column(ForeignKey("models.name"))
    state: Mapped[str] = mapped_column(String(16), index=True)
    spec: Mapped[dict[str, Any]]
    # What asked for it: {"kind": "request" | "trigger" | "schedule" | "retry" | "clone" | "revision", "id": …}.
    origin: Mapped[dict[str, Any]]
    submitted_by: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0)
    dry_run: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[dict[str, Any] | None]
    prune_list: Mapped[dict[str, Any] | None]
    reason: Mapped[Long | None]
    attempt: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    max_failures: Mapped[int] = mapped_column(default=3)
    not_before: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    cancel_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    lease_owner: Mapped[Id | None]
    lease_until: Mapped[datetime | None]


class Attempt(Base):
    """One handing over of a job to Ray, under the submission id `JOB-NUMBER`.

    The run's token is kept as its SHA-256. `reports` is the number of the newest report taken: an older one, or the
    same again, changes nothing. `outcome` is null while it runs, then succeeded, failed, lost or cancelled.
    """

    __tablename__ = "attempts"

    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[Id]
    reports: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[Long | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """The job that a caller's `Idempotency-Key` made, and the SHA-256 of the request that made it."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[Id] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[Id]
    job_id: Mapped[Id] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(index=True)
