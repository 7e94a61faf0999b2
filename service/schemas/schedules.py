"""Schedules and their fires as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, model_validator

from service.core.partitions import DAY_FORMAT, partition_names
from service.schemas.automatic import Cron, Moment, Overrides, Zone
from service.schemas.common import RequestModel, StoredText

WEEK_SECONDS = 7 * 24 * 3600


SETTINGS: dict[str, Any] = {
    "name": "nightly",
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "start_at": None,
    "end_at": None,
    "missed": "once",
    "concurrency": "forbid",
    "catch_up_seconds": 86400,
    "overrides": {"dataset": {"train": "s3://lake/clicks/dt={partition}"}},
}


SCHEDULE: dict[str, Any] = {
    "id": "schedule-5f0c2b7a9d1e4c3f8a6b",
    "model": "feed-ranker",
    **SETTINGS,
    "paused": False,
    "next_at": "2026-01-02T01:30:00Z",
    "version": 1,
    "created_by": "ranking-team",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


class ScheduleSettings(RequestModel):
    """When jobs are made, and of what."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [SETTINGS]})

    name: Annotated[StoredText, Field(min_length=1, description="its own among the model's schedules")]
    cron: Cron = Field(description="minute, hour, day of month, month, day of week")
    timezone: Zone = Field(default="UTC", description="IANA time zone of the cron expression")
    start_at: Moment | None = Field(default=None, description="nothing is due before")
    end_at: Moment | None = Field(default=None, description="nothing is due after")
    missed: Literal["skip", "once", "all"] = Field(
        default="skip", description="of due times more than a minute old: none fires, the newest, or each"
    )
    concurrency: Literal["allow", "forbid", "replace"] = Field(
        default="forbid", description="while a job of this schedule runs: start another, none, or another in its place"
    )
    catch_up_seconds: int = Field(
        default=86400, ge=0, le=WEEK_SECONDS, description="how old a missed due time may be to fire after all"
    )
    overrides: Overrides = Field(default={})

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.start_at is not None and self.end_at is not None and self.end_at <= self.start_at:
            raise ValueError(f"end_at: {self.end_at} isn't after start_at, {self.start_at}")
        return self


class SchedulePatch(RequestModel):
    """What to change; what isn't named stays. `overrides` are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "0 3 * * 1-5", "missed": "skip"}]})

    name: str | None = Field(default=None, description="can't be null")
    cron: str | None = Field(default=None, description="can't be null")
    timezone: str | None = Field(default=None, description="null: UTC")
    start_at: Moment | None = Field(default=None, description="null: no start")
    end_at: Moment | None = Field(default=None, description="null: no end")
    missed: Literal["skip", "once", "all"] | None = Field(default=None, description="null: skip")
    concurrency: Literal["allow", "forbid", "replace"] | None = Field(default=None, description="null: forbid")
    catch_up_seconds: int | None = Field(default=None, description="null: a day")
    overrides: dict[str, Any] | None = Field(default=None, description="null: none")


class ScheduleView(BaseModel):
    """A schedule as it stands."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [SCHEDULE]})

    id: str
    model: str
    name: str
    cron: str
    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    missed: Literal["skip", "once", "all"]
    concurrency: Literal["allow", "forbid", "replace"]
    catch_up_seconds: int
    overrides: dict[str, Any]
    paused: bool
    next_at: datetime | None = Field(default=None, description="when it is due next; null while paused, and at its end")
    version: int = Field(description="rises with every change; the ETag")
    created_by: str
    created_at: datetime
    updated_at: datetime


class SchedulePage(BaseModel):
    """In the order of their making; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"schedules": [SCHEDULE], "next": None}]})

    schedules: list[ScheduleView]
    next: int | None


class Resumption(RequestModel):
    """How a schedule goes on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"catch_up": True}]})

    catch_up: bool = Field(
        default=False, description="treat what was due meanwhile as missed, by the schedule's policy, not as never due"
    )


class CronPreview(RequestModel):
    """A cron expression to try out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cron": "30 2 * * *", "timezone": "Europe/Berlin", "count": 3}]}
    )

    cron: Cron
    timezone: Zone = "UTC"
    after: Moment | None = Field(default=None, description="from when on; now unless given")
    count: int = Field(default=10, ge=1, le=100)


class DueTimes(BaseModel):
    """When it is due, in UTC, in order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"times": ["2026-01-02T01:30:00Z"]}]})

    times: list[datetime]


MAX_PARTITIONS = 1000


FIRE: dict[str, Any] = {
    "number": 7,
    "due_at": "2026-01-01T01:30:00Z",
    "partition": "",
    "origin": "cron",
    "state": "started",
    "reason": None,
    "job_id": "job-5f0c2b7a9d1e4c3f8a6b",
    "by": "ranking-team",
    "created_at": "2026-01-01T01:30:00.4Z",
}


FireState = Literal["pending", "started", "skipped"]


class FireView(BaseModel):
    """A due time and what came of it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [FIRE]})

    number: int
    due_at: datetime = Field(description="when the cron expression was due, or the run or back-fill was asked for")
    partition: str = Field(description="a back-fill's; empty otherwise")
    origin: Literal["cron", "manual", "backfill"]
    state: FireState = Field(description="pending: it waits for the run before it, or for the schedule to be resumed")
    reason: str | None = Field(description="why it was skipped")
    job_id: str | None
    by: str = Field(description="who asked for it, or made the schedule")
    created_at: datetime


class FirePage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fires": [FIRE], "next": None}]})

    fires: list[FireView]
    next: int | None


class Backfill(RequestModel):
    """Partitions to run over: their names, or the first and the last and how they are called."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"partitions": ["2026-01-01", "2026-01-02"]},
                {"from": "2026-01-01T00:00", "to": "2026-01-01T23:00", "every": "hour", "format": "%Y-%m-%dT%H"},
            ]
        },
    )

    partitions: list[Annotated[StoredText, Field(min_length=1)]] | None = Field(
        default=None, min_length=1, max_length=MAX_PARTITIONS, description="run in this order"
    )
    from_: NaiveDatetime | None = Field(default=None, alias="from", description="the first, a local time without zone")
    to: NaiveDatetime | None = Field(default=None, description="the last, counted in")
    every: Literal["day", "hour"] = "day"
    format: StoredText = Field(default=DAY_FORMAT, description="names of partitions, by %Y, %m, %d, %H, %j")

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = self.names()
        double = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if double is not None:
            raise ValueError(f"partitions: {double!r} is given twice; give each once")
        return self

    def names(self) -> list[str]:
        """Raises ValueError."""
        if (self.partitions is None) == (self.from_ is None or self.to is None):
            raise ValueError("give either `partitions`, or `from` and `to`")
        if self.partitions is not None or self.from_ is None or self.to is None:
            return self.partitions or []
        names = partition_names(self.from_, self.to, self.every, self.format, MAX_PARTITIONS)
        if max(map(len, names)) > 200:
            raise ValueError("format: names of partitions have up to 200 characters")
        return names


class BackfillView(BaseModel):
    """How many runs wait."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pending": 31}]})

    pending: int


class Cancelled(BaseModel):
    """How many runs that waited won't be started."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"skipped": 12}]})

    skipped: int
