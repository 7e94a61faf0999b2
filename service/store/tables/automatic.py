"""What starts jobs without anyone asking: triggers and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Long, Number


class Trigger(Base):
    """A condition on a model that starts a selection (FairFS §4.6).

    kind: candidates | latency | freshness | manual; `settings` are of its kind, checked by the API. `state` is what it
    remembers between evaluations (the newest partition seen). A replica evaluates it while it holds the lease.
    """

    __tablename__ = "triggers"

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    settings: Mapped[dict[str, Any]]
    overrides: Mapped[dict[str, Any]]
    state: Mapped[dict[str, Any]]
    enabled: Mapped[bool] = mapped_column(default=True)
    dry_run: Mapped[bool] = mapped_column(default=False)
    cooldown_seconds: Mapped[int]
    # {"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin", "days": […]}
    quiet_hours: Mapped[dict[str, Any] | None]
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    evaluated_at: Mapped[datetime | None]
    fired_at: Mapped[datetime | None]
    lease_owner: Mapped[Id | None]
    lease_until: Mapped[datetime | None]


class TriggerEvaluation(Base):
    """What a trigger saw, and why it fired or didn't."""

    __tablename__ = "trigger_evaluations"
    __table_args__ = (Index("evaluations_of_trigger", "trigger_id", "number"),)

    number: Mapped[Number]
    trigger_id: Mapped[Id] = mapped_column(ForeignKey("triggers.id", ondelete="CASCADE"))
    time: Mapped[datetime]
    fired: Mapped[bool]
    dry_run: Mapped[bool]
    reason: Mapped[Long]
    observed: Mapped[dict[str, Any]]
    job_id: Mapped[Id | None]


class LatencyReport(Base):
    """Serving latency of a model, 99th percentile, as reported to the API."""

    __tablename__ = "latency_reports"
    __table_args__ = (Index("latency_of_model", "model", "time"),)

    number: Mapped[Number]
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"))
    time: Mapped[datetime]
    p99_seconds: Mapped[float]
    reported_by: Mapped[str]


class Schedule(Base):
    """A cron expression in a time zone. Fires up to `considered_until` have been decided on.

    missed: skip | once | all; concurrency: allow | forbid | replace.
    """

    __tablename__ = "schedules"
    __table_args__ = (UniqueConstraint("model", "name"),)

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"))
    name: Mapped[str]
    cron: Mapped[str]
    timezone: Mapped[str]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]
    missed: Mapped[str] = mapped_column(String(8))
    concurrency: Mapped[str] = mapped_column(String(8))
    catch_up_seconds: Mapped[int]
    overrides: Mapped[dict[str, Any]]
    paused: Mapped[bool] = mapped_column(default=False)
    considered_until: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Fire(Base):
    """A schedule's due time, and what came of it. Unique by (schedule, due time, partition): two replicas can't both
    fire it.

    origin: cron | manual | backfill; `partition` is a back-fill's, empty otherwise.
    state: pending | started | skipped; `reason` says why it was skipped.
    """

    __tablename__ = "fires"
    __table_args__ = (UniqueConstraint("schedule_id", "due_at", "partition"),)

    number: Mapped[Number]
    schedule_id: Mapped[Id] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    due_at: Mapped[datetime]
    partition: Mapped[str] = mapped_column(default="")
    origin: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[Long | None]
    job_id: Mapped[Id | None]
    by: Mapped[str]
    created_at: Mapped[datetime]
