"""`/v1/models/{model}/schedules`: jobs of a model at times that a cron expression gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.api.auth import Reader, Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import UNCHANGED, IfMatch, IfNoneMatch, answer_if_new, etag, require_match, tag_of
from service.api.openapi import problems
from service.core.cron import upcoming
from service.core.errors import FieldError, InvalidFieldsError, NotFoundError
from service.jobs.automatic import check_overrides
from service.schedules.scheduler import next_due
from service.schemas.automatic import apply_patch
from service.schemas.common import BIGGEST
from service.schemas.schedules import (
    CronPreview,
    DueTimes,
    Resumption,
    SchedulePage,
    SchedulePatch,
    ScheduleSettings,
    ScheduleView,
)
from service.store import schedules
from service.store.tables import Schedule

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}/schedules", tags=["schedules"])
TIMES = ("cron", "timezone", "start_at", "end_at")


def schedule_of(schedule_id: str, model: ModelDep, session: SessionDep, caller: Reader) -> Schedule:
    return _found(schedules.find(session, model.name, schedule_id), schedule_id)


def locked_schedule(schedule_id: str, model: ModelDep, session: SessionDep, caller: Submitter) -> Schedule:
    """For a change: the loop decides on it before or after, not meanwhile."""
    return _found(schedules.find(session, model.name, schedule_id, lock=True), schedule_id)


def _found(schedule: Schedule | None, schedule_id: str) -> Schedule:
    if schedule is None:
        raise NotFoundError("schedule-not-found", f"this model has no schedule {schedule_id!r}; list those it has")
    return schedule


ScheduleDep = Annotated[Schedule, Depends(schedule_of)]
LockedScheduleDep = Annotated[Schedule, Depends(locked_schedule)]


def schedule_view(schedule: Schedule, response: Response | None = None) -> ScheduleView:
    if response is not None:
        response.headers["ETag"] = etag(schedule.version)
    next_at = None if schedule.paused else next_due(schedule)
    return ScheduleView.model_validate(schedule).model_copy(update={"next_at": next_at})


@router.post("", status_code=201, operation_id="createSchedule", responses=problems(400, 404, 409, 422))
def create(
    body: ScheduleSettings,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
) -> ScheduleView:
    """Make jobs of this model by the clock from now on."""
    _refuse_past_end(body.end_at, now)
    check_overrides(session, model, body.overrides, settings)
    made = schedules.create(session, model=model.name, by=caller.name, now=now, **body.model_dump())
    response.headers["Location"] = f"/v1/models/{model.name}/schedules/{made.id}"
    return schedule_view(made, response)


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
    return SchedulePage(schedules=list(map(schedule_view, page)), next=page[-1].number if len(found) > limit else None)


@router.post("/preview", operation_id="previewCron", responses=problems(400, 404, 422))
def preview(body: CronPreview, model: ModelDep, caller: Reader, now: NowDep) -> DueTimes:
    """When a cron expression would be due, stored nowhere."""
    return DueTimes(times=upcoming(body.cron, body.timezone, body.after or now, None, body.count))


@router.get("/{schedule_id}", operation_id="getSchedule", responses={**problems(404), **UNCHANGED})
def read(schedule: ScheduleDep, caller: Reader, response: Response, if_none_match: IfNoneMatch = None) -> ScheduleView:
    """A schedule, and when it is due next."""
    view = schedule_view(schedule)
    answer_if_new(if_none_match, tag_of(view, schedule.version), response)
    return view


@router.patch("/{schedule_id}", operation_id="changeSchedule", responses=problems(400, 404, 409, 412, 422))
def patch(
    body: SchedulePatch,
    schedule_id: str,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> ScheduleView:
    """Change a schedule. New times count from now: a change never makes a job of a time that has passed."""
    _refuse_past_end(body.end_at, now)
    if "overrides" in body.model_fields_set:
        check_overrides(session, model, body.overrides or {}, settings)
    schedule = locked_schedule(schedule_id, model, session, caller)
    require_match(if_match, etag(schedule.version))
    present = ScheduleSettings.model_validate(schedule)
    changed = apply_patch(ScheduleSettings, present.model_dump(), body)
    if changed != present:
        if any(getattr(changed, name) != getattr(present, name) for name in TIMES):
            schedule.considered_until = now
        for name, value in changed.model_dump().items():
            setattr(schedule, name, value)
        _touch(schedule, now)
        schedules.store(session, schedule)
    return schedule_view(schedule, response)


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
    return schedule_view(schedule, response)


@router.post("/{schedule_id}/resume", operation_id="resumeSchedule", responses=problems(400, 404, 422))
def resume(
    schedule_id: str,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    body: Resumption | None = None,
) -> ScheduleView:
    """Go on. What was due meanwhile doesn't fire, unless `catch_up` asks for it and the missed policy allows it."""
    present = schedule_of(schedule_id, model, session, caller)
    if present.paused:
        check_overrides(session, model, present.overrides, settings)
    schedule = locked_schedule(schedule_id, model, session, caller)
    if schedule.paused:
        schedule.paused = False
        if body is None or not body.catch_up:
            schedule.considered_until = now
        _touch(schedule, now)
    return schedule_view(schedule, response)


@router.get("/{schedule_id}/next", operation_id="listDueTimes", responses=problems(404, 422))
def due_times(
    schedule: ScheduleDep, caller: Reader, now: NowDep, count: Annotated[int, Query(ge=1, le=100)] = 10
) -> DueTimes:
    """When it is due next, were it not paused."""
    first = now if schedule.start_at is None else max(now, schedule.start_at)
    return DueTimes(times=upcoming(schedule.cron, schedule.timezone, first, schedule.end_at, count))


def _refuse_past_end(end_at: datetime | None, now: datetime) -> None:
    """Raises InvalidFieldsError: nothing would ever be due."""
    if end_at is not None and end_at <= now:
        message = f"{end_at.isoformat()} has passed, so that nothing would be due; give a later end, or none"
        raise InvalidFieldsError([FieldError(field="end_at", value=end_at.isoformat(), message=message)])


def _touch(schedule: Schedule, now: datetime) -> None:
    schedule.version += 1
    schedule.updated_at = now
