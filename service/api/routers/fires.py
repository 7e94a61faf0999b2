"""What a schedule has fired; running it now, and over partitions that are past."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from service.api.auth import Reader, Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.openapi import problems
from service.api.routers.schedules import LockedScheduleDep, ScheduleDep
from service.core.cron import BEFORE
from service.core.errors import ConflictError, InvalidError, NotFoundError
from service.core.partitions import PLACEHOLDER, has_placeholder
from service.jobs.automatic import compose_automatic
from service.jobs.data_roots import check_spec
from service.schedules.scheduler import BACKFILL, launch, partition_of, reason_to_wait, skip
from service.schemas.common import BIGGEST
from service.schemas.schedules import MAX_PARTITIONS, Backfill, BackfillView, Cancelled, FirePage, FireState, FireView
from service.store import schedules
from service.store.tables import Fire, Schedule
from trainers.spec import JobSpec

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}/schedules/{schedule_id}", tags=["schedules"])


@router.get("/fires", operation_id="listFires", responses=problems(404, 422))
def listing(
    schedule: ScheduleDep,
    session: SessionDep,
    caller: Reader,
    state: FireState | None = None,
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
        spec = compose_automatic(session, schedule.model, schedule.overrides, partition_of(schedule, now))
        session.commit()  # following links may take long, and waits for no other request
        check_spec(spec, settings)
    except InvalidError as error:
        raise InvalidError("invalid-spec", str(error)) from None
    held = schedules.find(session, schedule.model, schedule.id, lock=True)
    if held is None:
        raise NotFoundError("schedule-not-found", f"schedule {schedule.id!r} was deleted meanwhile")
    reason = reason_to_wait(session, held) if held.concurrency == "forbid" else None
    if reason is not None:
        raise ConflictError("schedule-busy", f"{reason}; wait for it, or cancel it")
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
        raise InvalidError("invalid-spec", str(fire.reason))
    return fire


@router.post("/backfill", status_code=202, operation_id="backfillSchedule", responses=problems(400, 404, 409, 422))
def backfill(
    body: Backfill, schedule: LockedScheduleDep, session: SessionDep, caller: Submitter, now: NowDep
) -> BackfillView:
    """A run for each partition: one after another, or side by side where the schedule allows it."""
    if not has_placeholder(schedule.overrides):
        detail = f"overrides: none holds {PLACEHOLDER}, so every run would be the same; say where the partition goes"
        raise InvalidError("no-partition", detail)
    waiting = schedules.list_pending(session, schedule.id, 2 * MAX_PARTITIONS)
    names = body.names()
    twice = {fire.partition for fire in waiting} & set(names)
    if twice:
        raise ConflictError("backfill-pending", f"partitions: {min(twice)!r} waits already; leave it out, or wait")
    if len(waiting) + len(names) > MAX_PARTITIONS:
        detail = f"partitions: {len(waiting)} runs wait already, and {MAX_PARTITIONS} may; wait, or cancel those"
        raise ConflictError("backfill-pending", detail)
    for name in names:
        chosen = {"partition": name, "origin": BACKFILL, "state": "pending", "by": caller.name}
        schedules.add_fire(session, schedule, due_at=now, now=now, **chosen)
    return BackfillView(pending=len(waiting) + len(names))


@router.post("/backfill/cancel", operation_id="cancelBackfill", responses=problems(404))
def cancel_backfill(schedule: LockedScheduleDep, session: SessionDep, caller: Submitter, now: NowDep) -> Cancelled:
    """Skip the runs that still wait. Those that were started go on: cancel their jobs."""
    waiting = schedules.list_pending(session, schedule.id, 2 * MAX_PARTITIONS)
    for fire in waiting:
        skip(session, schedule, fire, f"cancelled by {caller.name}", now)
    return Cancelled(skipped=len(waiting))
