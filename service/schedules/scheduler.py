"""Schedules: deciding which due times fire, and making jobs of them.

A due time becomes a row of `fires`, unique by schedule and time, in the transaction that makes its job: two replicas
can't both fire it, and one that dies leaves both or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, sessionmaker

from service.core.background_loop import log_step_failure
from service.core.clock import Clock, utc_now
from service.core.cron import BEFORE, between, first_after
from service.core.errors import InvalidError
from service.core.partitions import DAY_FORMAT
from service.jobs.automatic import compose_automatic, stored_spec
from service.jobs.data_roots import check_spec
from service.settings import Settings
from service.store import events, jobs, schedules
from service.store.tables import Fire, Job, Schedule
from trainers.spec import JobSpec

ON_TIME = timedelta(seconds=60)  # later than this, a due time was missed
AT_ONCE = 100  # due times caught up with in one transaction
BACKFILL = "backfill"


@dataclass(frozen=True)
class Decision:
    """What comes of a due time: it fires, or is passed over for `reason`. A late one waits for those before it."""

    due_at: datetime
    reason: str | None = None
    late: bool = False


def next_due(schedule: Schedule) -> datetime | None:
    """The first due time that hasn't been decided on."""
    after = schedule.considered_until
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - BEFORE)
    due = first_after(schedule.cron, schedule.timezone, after)
    return None if due is None or (schedule.end_at is not None and due > schedule.end_at) else due


def decide(schedule: Schedule, now: datetime) -> tuple[list[Decision], datetime]:
    """What comes of the due times up to `now`, and until when they are then decided on.

    Those of the last minute fire. Older ones were missed: `skip` passes them over, `once` fires the newest within the
    catch-up window, `all` fires each within it, a hundred a step.
    """
    first = next_due(schedule)
    if first is None or first > now:
        return [], schedule.considered_until
    catch_up = timedelta(seconds=schedule.catch_up_seconds)
    opens = now - (ON_TIME if schedule.missed == "skip" else max(catch_up, ON_TIME))
    decisions = []
    if first < opens:
        window = "60 s" if schedule.missed == "skip" else f"the catch-up window of {schedule.catch_up_seconds} s"
        reason = f"missed by more than {window}, as was all before {opens:%Y-%m-%dT%H:%M:%SZ}"
        decisions.append(Decision(first, reason))
    last = now if schedule.end_at is None else min(now, schedule.end_at)
    due = between(schedule.cron, schedule.timezone, max(first, opens), last)
    within = list(due if schedule.missed == "once" else islice(due, AT_ONCE))
    if schedule.missed == "once" and len(within) > 1:
        reason = f"missed; the run due at {within[-1]:%Y-%m-%dT%H:%M:%SZ} stands for it and all between"
        decisions.append(Decision(within[0], reason))
        within = within[-1:]
    late = now - ON_TIME if schedule.missed == "all" else opens
    decisions.extend(Decision(due_at, late=due_at < late) for due_at in within)
    return decisions, within[-1] if within else opens - BEFORE


def partition_of(schedule: Schedule, due_at: datetime, named: str = "") -> str:
    """What `{partition}` stands for: a back-fill's own, else the day of the due time where the schedule is."""
    return named or due_at.astimezone(ZoneInfo(schedule.timezone)).strftime(DAY_FORMAT)


@dataclass(frozen=True)
class Plan:
    """What a schedule is about to start, seen before its transaction: specs by partition, or why there is none."""

    version: int
    specs: dict[str, JobSpec | str]


class Scheduler:
    """One replica's loop."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings, now: Clock = utc_now) -> None:
        self.sessions, self.settings, self.now = sessions, settings, now

    def step(self) -> int:
        """Decide on all that is due; how many schedules had something. One's trouble never stops another's."""
        now = self.now()
        with self.sessions() as session:
            waiting = schedules.find_with_pending(session)
            due = [each.id for each in schedules.list_unpaused(session) if each.id in waiting or _is_due(each, now)]
        for schedule_id in due:
            try:
                self._start_due(schedule_id)
            except Exception as error:
                log_step_failure("schedule", error, schedule_id=schedule_id)
        return len(due)

    def _start_due(self, schedule_id: str) -> None:
        plan = self._plan(schedule_id)
        with self.sessions.begin() as session:
            schedule = schedules.claim(session, schedule_id)
            if plan is None or schedule is None or schedule.paused or schedule.version != plan.version:
                return
            now = self.now()
            decisions, until = decide(schedule, now)
            if any(partition_of(schedule, each.due_at) not in plan.specs for each in decisions if each.reason is None):
                return  # one came due since the plan: the next step has it
            schedule.considered_until = until
            for decision in decisions:
                if decision.late or decision.reason is not None:
                    _fire_due(session, schedule, decision, plan, now)
            _start_pending(session, schedule, plan, now)
            for decision in decisions:
                if not decision.late and decision.reason is None:
                    _fire_due(session, schedule, decision, plan, now)

    def _plan(self, schedule_id: str) -> Plan | None:
        """Specs are held against the allowed roots before the transaction, which must be short."""
        with self.sessions() as session:
            schedule = schedules.get(session, schedule_id)
            if schedule is None:
                return None
            due = [each.due_at for each in decide(schedule, self.now())[0] if each.reason is None]
            names = dict.fromkeys(partition_of(schedule, due_at) for due_at in due)
            waiting = schedules.list_pending(session, schedule_id, AT_ONCE)
            names.update(dict.fromkeys(partition_of(schedule, fire.due_at, fire.partition) for fire in waiting))
            specs: dict[str, JobSpec | str] = {}
            for name in names:
                try:
                    specs[name] = compose_automatic(session, schedule.model, schedule.overrides, name)
                except InvalidError as error:
                    specs[name] = str(error)
        return Plan(schedule.version, {name: self._check_roots(spec) for name, spec in specs.items()})

    def _check_roots(self, spec: JobSpec | str) -> JobSpec | str:
        if isinstance(spec, JobSpec):
            try:
                check_spec(spec, self.settings)
            except InvalidError as error:
                return str(error)
        return spec


def _is_due(schedule: Schedule, now: datetime) -> bool:
    due = next_due(schedule)
    return due is not None and due <= now


def _fire_due(session: Session, schedule: Schedule, decision: Decision, plan: Plan, now: datetime) -> None:
    fire = schedules.add_fire(
        session, schedule, due_at=decision.due_at, now=now, origin="cron", state="pending", by=schedule.created_by
    )
    if fire is None or decision.late:
        return
    reason = decision.reason
    if reason is None and schedule.concurrency == "forbid":
        reason = reason_to_wait(session, schedule)
    if reason is None:
        launch(session, schedule, fire, plan.specs[partition_of(schedule, fire.due_at)], now)
    else:
        skip(session, schedule, fire, reason, now)


def _start_pending(session: Session, schedule: Schedule, plan: Plan, now: datetime) -> None:
    """Back-fills and late runs, in order; side by side only where the schedule allows it."""
    for fire in schedules.list_pending(session, schedule.id, AT_ONCE):
        partition = partition_of(schedule, fire.due_at, fire.partition)
        waits = schedule.concurrency != "allow" and reason_to_wait(session, schedule) is not None
        if waits or partition not in plan.specs:
            return
        launch(session, schedule, fire, plan.specs[partition], now)


def reason_to_wait(session: Session, schedule: Schedule) -> str | None:
    """Why a run can't start beside another; None where none runs."""
    running = schedules.list_unfinished(session, schedule.id)
    return f"job {running[0][0].id} of this schedule hasn't ended, and concurrency is forbid" if running else None


def launch(session: Session, schedule: Schedule, fire: Fire, spec: JobSpec | str, now: datetime) -> Job | None:
    """Make the job of a fire, in the fire's own transaction; None where it was passed over, as there is no spec."""
    try:
        stored = spec if isinstance(spec, str) else stored_spec(spec)
    except InvalidError as error:
        stored = str(error)
    if isinstance(stored, str):
        skip(session, schedule, fire, stored, now)
        return None
    if schedule.concurrency == "replace" and fire.origin != BACKFILL:
        _cancel_running(session, schedule, now)
    origin = {"kind": "schedule", "id": schedule.id, "name": schedule.name}
    job = jobs.create(session, stored, now, origin=origin, submitted_by=fire.by, model=schedule.model)
    fire.state, fire.job_id = "started", job.id
    told = {"schedule": schedule.id, "name": schedule.name, "due_at": fire.due_at.isoformat(), "origin": fire.origin}
    data = {**told, "partition": fire.partition, "job": job.id}
    events.record(session, "schedule.fired", data, now, job_id=job.id, model=schedule.model)
    return job


def skip(session: Session, schedule: Schedule, fire: Fire, reason: str, now: datetime) -> None:
    """Pass a fire over, and say why."""
    fire.state, fire.reason = "skipped", reason
    told = {"schedule": schedule.id, "name": schedule.name, "due_at": fire.due_at.isoformat(), "origin": fire.origin}
    data = {**told, "partition": fire.partition, "reason": reason}
    events.record(session, "schedule.skipped", data, now, model=schedule.model)


def _cancel_running(session: Session, schedule: Schedule, now: datetime) -> None:
    """Ask this schedule's running jobs to end, but for back-fills: their partitions would be left out."""
    for job, origin in schedules.list_unfinished(session, schedule.id):
        if origin != BACKFILL and not job.cancel_requested:
            job.cancel_requested, job.cancel_requested_at = True, now
            jobs.record(session, job, "job.cancel_requested", {"by": f"schedule {schedule.name}"}, now)
