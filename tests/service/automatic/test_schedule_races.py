"""Schedulers that race for the same due times, and schedulers that are killed: a row and a job for each, once.

Processes are real, and so are the kills. Each process works through the same hours of a clock of its own, on one
PostgreSQL (or one SQLite file), as replicas do that were all down and come back together.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from service.schedules import scheduler
from service.schedules.scheduler import Scheduler
from service.settings import Settings
from service.store import events, jobs, models, schedules
from service.store.database import connect
from service.store.tables import Event, Feature, Fire, Job, Schedule
from tests.support.automatic import NOON, SPEC

FORK = multiprocessing.get_context("fork")
MODULES: dict[str, Any] = {"schedules": schedules, "jobs": jobs, "scheduling": scheduler, "events": events}


def replica(url: str, minutes: int, point: str, count: int, go: Any) -> None:
    """Work through due times as fast as it goes. Dies, without a word to the database, where it is told to: when it
    comes out of the function `point` for the nth time.
    """
    left = [count]

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            result = real(*given, **named)
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    if point:
        module, name = point.split(".")
        setattr(MODULES[module], name, dying(getattr(MODULES[module], name)))
    clock = [NOON]
    settings = Settings(database_url=url, data_roots=("*",))
    sessions = connect(settings.database)
    scheduler = Scheduler(sessions, settings, lambda: clock[0])
    go.wait(60)
    for _ in range(minutes):
        clock[0] += timedelta(minutes=1)
        scheduler.step()
    sessions.kw["bind"].dispose()


@pytest.fixture
def sessions(url: str) -> Iterator[sessionmaker[Session]]:
    yield from opened(url)


@pytest.fixture
def on_postgresql(postgresql: str) -> Iterator[sessionmaker[Session]]:
    yield from opened(postgresql)


def opened(url: str) -> Iterator[sessionmaker[Session]]:
    made = connect(Settings(database_url=url).database)
    yield made
    made.kw["bind"].dispose()


def prepare(sessions: sessionmaker[Session], count: int, **chosen: object) -> list[str]:
    """Minutely schedules of one model. Gives their ids."""
    settings = {"owner": "t", "description": "", "spec": SPEC, "policy": {}, "retention": {}}
    with sessions.begin() as session:
        models.create(session, "ranker", settings, NOON)
        feature = {"name": "age", "kind": "dense", "dim": 1, "column": "age", "spec": {"kind": "dense"}}
        times = {"registered_at": NOON, "updated_at": NOON}
        session.add(Feature(model="ranker", owner="t", tags=[], status="essential", **feature, **times))
        columns = {"cron": "* * * * *", "timezone": "UTC", "missed": "all", "concurrency": "allow"}
        columns.update({"catch_up_seconds": 604800, "overrides": {}, **chosen})  # type: ignore[dict-item]
        made = [
            schedules.create(session, model="ranker", by="t", now=NOON, name=f"s{number}", **columns)
            for number in range(count)
        ]
        return [each.id for each in made]


def go(url: str, *replicas: tuple[int, str, int]) -> list[int]:
    """Let processes race, each with its minutes and where it dies. Gives their exit codes."""
    start = FORK.Event()
    running = [FORK.Process(target=replica, args=(url, *each, start)) for each in replicas]
    for process in running:
        process.start()
    start.set()
    for process in running:
        process.join(600)
    codes = [int(process.exitcode or 0) for process in running]
    assert set(codes) <= {0, -signal.SIGKILL}
    return codes


def require_each_once(sessions: sessionmaker[Session], ids: list[str], minutes: int) -> None:
    """For each schedule and minute one fire, and for each fire one job and one event, and no others."""
    with sessions() as session:
        fires = session.scalars(select(Fire)).all()
        made = session.scalars(select(Job.id)).all()
        told = [each.data["job"] for each in session.scalars(select(Event).where(Event.kind == "schedule.fired"))]
    due = Counter((fire.schedule_id, fire.due_at) for fire in fires)
    expected = {(each, NOON + timedelta(minutes=minute)) for each in ids for minute in range(1, minutes + 1)}
    assert set(due) == expected
    assert max(due.values()) == 1
    assert {fire.state for fire in fires} == {"started"}
    assert sorted(made) == sorted(told) == sorted(str(fire.job_id) for fire in fires)


def race(sessions: sessionmaker[Session], url: str, *, replicas: int, count: int, minutes: int) -> float:
    """Seconds that processes took to work through their minutes together."""
    ids = prepare(sessions, count)
    began = time.monotonic()
    assert go(url, *[(minutes, "", 0)] * replicas) == [0] * replicas
    seconds = time.monotonic() - began
    require_each_once(sessions, ids, minutes)
    return seconds


def test_processes_that_race_fire_each_due_time_once(on_postgresql: sessionmaker[Session], postgresql: str) -> None:
    race(on_postgresql, postgresql, replicas=4, count=2, minutes=20)


@pytest.mark.slow
def test_many_processes_that_race_fire_each_due_time_once(
    on_postgresql: sessionmaker[Session], postgresql: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replicas, count, minutes = 8, 5, 120
    seconds = race(on_postgresql, postgresql, replicas=replicas, count=count, minutes=minutes)
    with capsys.disabled():
        print(
            f"\n{replicas} schedulers raced for {count * minutes} due times in {seconds:.1f} s: one fire and job each"
        )


def step_together(sessions: sessionmaker[Session], steppers: int, instants: int) -> None:
    """Threads that step at the same moment, each minute anew."""
    clock = [NOON]
    barrier = threading.Barrier(steppers, action=lambda: clock.append(clock[-1] + timedelta(minutes=1)), timeout=120)

    def work(_: int) -> None:
        scheduler = Scheduler(sessions, Settings(data_roots=("*",)), lambda: clock[-1])
        for _ in range(instants):
            barrier.wait()
            scheduler.step()
            barrier.wait()
            scheduler.step()

    with ThreadPoolExecutor(steppers) as pool:
        list(pool.map(work, range(steppers)))


def test_threads_that_race_fire_each_due_time_once(sessions: sessionmaker[Session]) -> None:
    ids = prepare(sessions, 2)
    step_together(sessions, 4, 5)
    require_each_once(sessions, ids, 10)


@pytest.mark.slow
def test_many_threads_that_race_fire_each_due_time_once(on_postgresql: sessionmaker[Session]) -> None:
    ids = prepare(on_postgresql, 3)
    step_together(on_postgresql, 12, 60)
    require_each_once(on_postgresql, ids, 120)


def test_without_locks_the_row_alone_keeps_a_second_job_away(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replicas that each believe to be alone, on clocks that agree: the unique row is what is left."""
    [schedule_id] = prepare(sessions, 1)
    monkeypatch.setattr(schedules, "claim", schedules.get)
    barrier = threading.Barrier(6, timeout=120)

    def work(_: int) -> None:
        scheduler = Scheduler(sessions, Settings(data_roots=("*",)), lambda: NOON + timedelta(minutes=1))
        barrier.wait()
        scheduler._start_due(schedule_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    require_each_once(sessions, [schedule_id], 1)


POINTS = ("schedules.claim", "schedules.add_fire", "jobs.create", "scheduling.launch", "events._write")


@pytest.mark.parametrize("point", POINTS)
def test_a_replica_killed_anywhere_leaves_nothing_half_done(
    on_postgresql: sessionmaker[Session], postgresql: str, point: str
) -> None:
    """SIGKILL at the third time of coming by; another replica goes through the same minutes afterwards."""
    ids = prepare(on_postgresql, 1)
    assert go(postgresql, (4, point, 3)) == [-signal.SIGKILL]
    with on_postgresql() as session:
        fires = session.scalars(select(Fire)).all()
        made = session.scalars(select(Job.id)).all()
        assert sorted(made) == sorted(str(fire.job_id) for fire in fires)
        assert 0 < len(fires) < 4
    assert go(postgresql, (4, "", 0)) == [0]
    require_each_once(on_postgresql, ids, 4)


@pytest.mark.slow
def test_replicas_killed_while_they_race(on_postgresql: sessionmaker[Session], postgresql: str) -> None:
    """Of each round's three replicas two are killed, each at another point; the last round finishes the work."""
    ids = prepare(on_postgresql, 3)
    kills = 0
    for number, point in enumerate(POINTS * 2):
        other = POINTS[(number + 2) % len(POINTS)]
        minutes = 3 * (number + 1)
        replicas = ((minutes, point, 4 + number), (minutes, "", 0), (minutes, other, 3 + number))
        kills += go(postgresql, *replicas).count(-signal.SIGKILL)
    assert go(postgresql, (40, "", 0)) == [0]
    assert kills >= len(POINTS)
    require_each_once(on_postgresql, ids, 40)


def test_a_transaction_that_fails_leaves_no_fire_without_its_job(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = prepare(sessions, 1)
    at = [NOON + timedelta(minutes=1)]
    scheduler = Scheduler(sessions, Settings(data_roots=("*",)), lambda: at[0])

    def fails(session: Session) -> None:
        raise OSError("no answer from the database")

    def counts() -> tuple[int, int, datetime]:
        with sessions() as session:
            schedule = session.scalars(select(Schedule)).one()
            fires, made = session.scalars(select(Fire)).all(), session.scalars(select(Job)).all()
            return len(fires), len(made), schedule.considered_until

    real = jobs.create
    monkeypatch.setattr(jobs, "create", lambda *_, **__: fails(None))  # type: ignore[arg-type]
    scheduler.step()
    assert counts() == (0, 0, NOON)
    monkeypatch.setattr(jobs, "create", real)
    event.listen(sessions, "before_commit", fails)
    scheduler.step()
    event.remove(sessions, "before_commit", fails)
    assert counts() == (0, 0, NOON)
    scheduler.step()
    require_each_once(sessions, ids, 1)


def test_a_manual_run_and_the_loop_start_one_job_where_runs_side_by_side_are_forbidden(
    on_postgresql: sessionmaker[Session],
) -> None:
    """Whoever holds the schedule decides; the other sees its job."""
    [schedule_id] = prepare(on_postgresql, 1, concurrency="forbid")
    scheduler = Scheduler(on_postgresql, Settings(data_roots=("*",)), lambda: NOON + timedelta(minutes=1))
    with on_postgresql.begin() as session:
        held = schedules.find(session, "ranker", schedule_id, lock=True)
        assert held is not None
        scheduler.step()  # finds it held, and leaves it for its next step
        fire = schedules.add_fire(
            session, held, due_at=NOON, now=NOON, origin="manual", state="started", by="t", job_id="j"
        )
        assert fire is not None
        jobs.create(session, {"name": "x"}, NOON, model="ranker").id = "j"
    scheduler.step()
    with on_postgresql() as session:
        assert [fire.state for fire in session.scalars(select(Fire).order_by(Fire.number))] == ["started", "skipped"]
        assert len(session.scalars(select(Job)).all()) == 1
