"""What a schedule has fired; running it now, and over partitions that are past."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, model_validator

from service.api.auth import Reader, Submitter
from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.problems import ApiError
from service.api.routers.schedules import LockedScheduleDep, ScheduleDep
from service.core.cron import BEFORE
from service.core.partitions import DAY_FORMAT, PLACE, has_place, spread
from service.jobs.automatic import RefusedError, check_places, composed
from service.schedules.scheduler import BACKFILL, busy, launch, partition_of, skip
from service.schemas.common import BIGGEST, Body, StoredText, problems
from service.store import schedules
from service.store.tables import Fire, Schedule
from trainers.spec import JobSpec

router = APIRouter(prefix="/v1/models/{model}/schedules/{schedule_id}", tags=["schedules"])
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
State = Literal["pending", "started", "skipped"]


class FireView(BaseModel):
    """A due time and what came of it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [FIRE]})

    number: int
    due_at: datetime = Field(description="when the cron expression was due, or the run or back-fill was asked for")
    partition: str = Field(description="a back-fill's; empty otherwise")
    origin: Literal["cron", "manual", "backfill"]
    state: State = Field(description="pending: it waits for the run before it, or for the schedule to be resumed")
    reason: str | None = Field(description="why it was skipped")
    job_id: str | None
    by: str = Field(description="who asked for it, or made the schedule")
    created_at: datetime


class FirePage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fires": [FIRE], "next": None}]})

    fires: list[FireView]
    next: int | None


class Backfill(Body):
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
        names = spread(self.from_, self.to, self.every, self.format, MAX_PARTITIONS)
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


@router.get("/fires", operation_id="listFires", responses=problems(404, 422))
def listing(
    schedule: ScheduleDep,
    session: SessionDep,
    caller: Reader,
    state: State | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FirePage:
    """What a schedule has fired and skipped, and what waits."""
    found = schedules.fires(session, schedule.id, state, cursor, limit + 1)
    page = found[:limit]
    return FirePage(
        fires=[FireView.model_validate(fire) for fire in page], next=page[-1].number if len(found) > limit else None
    )


@router.post("/run", status_code=202, operation_id="runSchedule", responses=problems(404, 409, 422))
def run(schedule: ScheduleDep, session: SessionDep, settings: SettingsDep, caller: Submitter, now: NowDep) -> FireView:
    """Make the schedule's job now, paused or not. Where it forbids runs side by side, 409 while one runs."""
    try:
        spec = composed(session, schedule.model, schedule.overrides, partition_of(schedule, now))
        session.commit()  # following links may take long, and waits for no other request
        check_places(spec, settings)
    except RefusedError as error:
        raise ApiError(422, "invalid-spec", str(error)) from None
    held = schedules.find(session, schedule.model, schedule.id, lock=True)
    if held is None:
        raise ApiError(404, "schedule-not-found", f"schedule {schedule.id!r} was deleted meanwhile")
    reason = busy(session, held) if held.concurrency == "forbid" else None
    if reason is not None:
        raise ApiError(409, "schedule-busy", f"{reason}; wait for it, or cancel it")
    return FireView.model_validate(_run(session, held, spec, caller.name, now))


def _run(session: SessionDep, schedule: Schedule, spec: JobSpec, by: str, now: datetime) -> Fire:
    """Cron is due at whole seconds: a manual run never takes such an instant from it."""
    due_at = now if now.microsecond else now + BEFORE
    while True:
        fire = schedules.add_fire(session, schedule, due_at=due_at, now=now, origin="manual", state="pending", by=by)
        if fire is not None:
            break
        due_at += timedelta(microseconds=1)
    if launch(session, schedule, fire, spec, now) is None:
        raise ApiError(422, "invalid-spec", str(fire.reason))
    return fire


@router.post("/backfill", status_code=202, operation_id="backfillSchedule", responses=problems(400, 404, 409, 422))
def backfill(
    body: Backfill, schedule: LockedScheduleDep, session: SessionDep, caller: Submitter, now: NowDep
) -> BackfillView:
    """A run for each partition: one after another, or side by side where the schedule allows it."""
    if not has_place(schedule.overrides):
        detail = f"overrides: none holds {PLACE}, so that every run would be the same; say where the partition goes"
        raise ApiError(422, "no-partition", detail)
    waiting = schedules.pending(session, schedule.id, 2 * MAX_PARTITIONS)
    names = body.names()
    twice = {fire.partition for fire in waiting} & set(names)
    if twice:
        raise ApiError(409, "backfill-pending", f"partitions: {min(twice)!r} waits already; leave it out, or wait")
    if len(waiting) + len(names) > MAX_PARTITIONS:
        detail = f"partitions: {len(waiting)} runs wait already, and {MAX_PARTITIONS} may; wait, or cancel those"
        raise ApiError(409, "backfill-pending", detail)
    for name in names:
        chosen = {"partition": name, "origin": BACKFILL, "state": "pending", "by": caller.name}
        schedules.add_fire(session, schedule, due_at=now, now=now, **chosen)
    return BackfillView(pending=len(waiting) + len(names))


@router.post("/backfill/cancel", operation_id="cancelBackfill", responses=problems(404))
def cancel_backfill(schedule: LockedScheduleDep, session: SessionDep, caller: Submitter, now: NowDep) -> Cancelled:
    """Skip the runs that still wait. Those that were started go on: cancel their jobs."""
    waiting = schedules.pending(session, schedule.id, 2 * MAX_PARTITIONS)
    for fire in waiting:
        skip(session, schedule, fire, f"cancelled by {caller.name}", now)
    return Cancelled(skipped=len(waiting))
