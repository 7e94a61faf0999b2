"""`/v1/models/{model}/schedules`: jobs of a model at times that a cron expression gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.api.auth import Reader, Submitter
from service.api.deps import ModelDep, NowDep, SessionDep
from service.api.etag import IfMatch, etag, require_match
from service.api.problems import ApiError
from service.core.cron import upcoming
from service.schedules.scheduler import next_due
from service.schemas.automatic import Cron, Moment, Overrides, Zone, patched
from service.schemas.common import BIGGEST, Body, StoredText, problems
from service.store import schedules
from service.store.tables import Schedule

router = APIRouter(prefix="/v1/models/{model}/schedules", tags=["schedules"])
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
TIMES = ("cron", "timezone", "start_at", "end_at")


class ScheduleSettings(Body):
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


class SchedulePatch(Body):
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


class Resumption(Body):
    """How a schedule goes on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"catch_up": True}]})

    catch_up: bool = Field(
        default=False, description="treat what was due meanwhile as missed, by the schedule's policy, not as never due"
    )


class CronPreview(Body):
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


def schedule_of(schedule_id: str, model: ModelDep, session: SessionDep, caller: Reader) -> Schedule:
    return _found(schedules.find(session, model.name, schedule_id), schedule_id)


def locked_schedule(schedule_id: str, model: ModelDep, session: SessionDep, caller: Submitter) -> Schedule:
    """For a change: the loop decides on it before or after, not meanwhile."""
    return _found(schedules.find(session, model.name, schedule_id, lock=True), schedule_id)


def _found(schedule: Schedule | None, schedule_id: str) -> Schedule:
    if schedule is None:
        raise ApiError(404, "schedule-not-found", f"this model has no schedule {schedule_id!r}; list those it has")
    return schedule


ScheduleDep = Annotated[Schedule, Depends(schedule_of)]
LockedScheduleDep = Annotated[Schedule, Depends(locked_schedule)]


def shown(schedule: Schedule, response: Response | None = None) -> ScheduleView:
    if response is not None:
        response.headers["ETag"] = etag(schedule.version)
    next_at = None if schedule.paused else next_due(schedule)
    return ScheduleView.model_validate(schedule).model_copy(update={"next_at": next_at})


def _taken(name: str) -> ApiError:
    return ApiError(409, "schedule-exists", f"name: the model has a schedule {name!r} already; choose another name")


@router.post("", status_code=201, operation_id="createSchedule", responses=problems(400, 404, 409, 422))
def create(
    body: ScheduleSettings, model: ModelDep, session: SessionDep, caller: Submitter, now: NowDep, response: Response
) -> ScheduleView:
    """Make jobs of this model by the clock from now on."""
    try:
        made = schedules.create(session, model=model.name, by=caller.name, now=now, **body.model_dump())
    except schedules.NameTakenError:
        raise _taken(body.name) from None
    response.headers["Location"] = f"/v1/models/{model.name}/schedules/{made.id}"
    return shown(made, response)


@router.get("", operation_id="listSchedules", responses=problems(404, 422))
def listing(
    model: ModelDep,
    session: SessionDep,
    caller: Reader,
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SchedulePage:
    """The schedules of a model."""
    found = schedules.page(session, model.name, cursor, limit + 1)
    page = found[:limit]
    return SchedulePage(schedules=list(map(shown, page)), next=page[-1].number if len(found) > limit else None)


@router.post("/preview", operation_id="previewCron", responses=problems(400, 404, 422))
def preview(body: CronPreview, model: ModelDep, caller: Reader, now: NowDep) -> DueTimes:
    """When a cron expression would be due, stored nowhere."""
    return DueTimes(times=upcoming(body.cron, body.timezone, body.after or now, None, body.count))


@router.get("/{schedule_id}", operation_id="getSchedule", responses=problems(404))
def read(schedule: ScheduleDep, caller: Reader, response: Response) -> ScheduleView:
    """A schedule, and when it is due next."""
    return shown(schedule, response)


@router.patch("/{schedule_id}", operation_id="changeSchedule", responses=problems(400, 404, 409, 412, 422))
def patch(
    body: SchedulePatch,
    schedule: LockedScheduleDep,
    session: SessionDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> ScheduleView:
    """Change a schedule. New times count from now: a change never makes a job of a time that has passed."""
    require_match(if_match, etag(schedule.version))
    present = ScheduleSettings.model_validate(schedule)
    changed = patched(ScheduleSettings, present.model_dump(), body)
    if changed != present:
        if any(getattr(changed, name) != getattr(present, name) for name in TIMES):
            schedule.considered_until = now
        for name, value in changed.model_dump().items():
            setattr(schedule, name, value)
        _touch(schedule, now)
        try:
            schedules.store(session, schedule)
        except schedules.NameTakenError:
            raise _taken(changed.name) from None
    return shown(schedule, response)


@router.delete("/{schedule_id}", status_code=204, operation_id="deleteSchedule", responses=problems(404, 412))
def delete(schedule: LockedScheduleDep, session: SessionDep, caller: Submitter, if_match: IfMatch = None) -> None:
    """Forget a schedule and its fires. Jobs that it made stay."""
    require_match(if_match, etag(schedule.version))
    session.delete(schedule)


@router.post("/{schedule_id}/pause", operation_id="pauseSchedule", responses=problems(404))
def pause(schedule: LockedScheduleDep, caller: Submitter, now: NowDep, response: Response) -> ScheduleView:
    """Start nothing until resumed, back-fills included. Pausing again changes nothing."""
    if not schedule.paused:
        schedule.paused = True
        _touch(schedule, now)
    return shown(schedule, response)


@router.post("/{schedule_id}/resume", operation_id="resumeSchedule", responses=problems(400, 404, 422))
def resume(
    schedule: LockedScheduleDep, caller: Submitter, now: NowDep, response: Response, body: Resumption | None = None
) -> ScheduleView:
    """Go on. What was due meanwhile doesn't fire, unless `catch_up` asks for it and the missed policy allows it."""
    if schedule.paused:
        schedule.paused = False
        if body is None or not body.catch_up:
            schedule.considered_until = now
        _touch(schedule, now)
    return shown(schedule, response)


@router.get("/{schedule_id}/next", operation_id="listDueTimes", responses=problems(404, 422))
def due_times(
    schedule: ScheduleDep, caller: Reader, now: NowDep, count: Annotated[int, Query(ge=1, le=100)] = 10
) -> DueTimes:
    """When it is due next, were it not paused."""
    first = now if schedule.start_at is None else max(now, schedule.start_at)
    return DueTimes(times=upcoming(schedule.cron, schedule.timezone, first, schedule.end_at, count))


def _touch(schedule: Schedule, now: datetime) -> None:
    schedule.version += 1
    schedule.updated_at = now
