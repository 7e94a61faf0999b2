"""The store on SQLite and on PostgreSQL: migrations, guarded changes, and several loops over the same jobs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Insert, column, insert, inspect, text
from sqlalchemy import table as sql_table
from sqlalchemy.orm import Session, sessionmaker

from service.core.job_state import JobState
from service.jobs.reconciler import Reconciler
from service.ray.client import Status
from service.settings import Settings
from service.store import events, jobs
from service.store.database import MIGRATIONS, connect, downgrade, open_database, upgrade
from tests.support.documents import progress, prune_list
from tests.support.engines import HandEngine
from trainers.runs.directory import RunDirectory, write_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = {"name": "small", "ünïcode": "数据", "numbers": [1, 2.5, None]}
HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()
PRUNE_LIST = prune_list(passed=True, reason="auc held")


@pytest.fixture
def settings(empty_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=empty_url, max_running_jobs=100, retry_seconds=0)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[sessionmaker[Session]]:
    made = connect(settings.database)
    yield made
    bound(made).dispose()


def bound(sessions: sessionmaker[Session]) -> Engine:
    engine: Engine = sessions.kw["bind"]
    return engine


def create(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        return jobs.create(session, SPEC, NOW).id


def test_migrations_go_up_and_down_and_keep_what_is_stored(settings: Settings) -> None:
    engine = open_database(settings.database)
    upgrade(engine, "0001")
    columns = "id, name, state, spec, cancel_requested, created_at, updated_at"
    old = f"INSERT INTO jobs ({columns}) VALUES ('old', 'n', 'queued', '{{}}', false, '2026-01-01', '2026-01-01')"  # noqa: S608
    with engine.begin() as connection:
        connection.execute(text(old))
    for _ in range(2):
        upgrade(engine)
    with Session(engine) as session:
        found = jobs.find(session, "old")
        assert found is not None
        assert (found.state, found.attempt) == ("queued", 0)
    downgrade(engine, "base")
    assert "jobs" not in inspect(engine).get_table_names()
    upgrade(engine)
    engine.dispose()


def row(table: str, **values: object) -> Insert:
    columns = [column(name) for name in values]
    return insert(sql_table(table, *columns)).values(**values)


def test_what_refers_to_a_table_outlives_its_migration(settings: Settings) -> None:
    """Events refer to jobs, which 0004 changes; fires to schedules, which 0009 changes."""
    engine = open_database(settings.database)
    times = {"created_at": "2026-01-01", "updated_at": "2026-01-01"}
    upgrade(engine, "0002")
    with engine.begin() as connection:
        job = {"number": 1, "id": "j", "name": "n", "state": "succeeded", "spec": "{}", "submissions": 1}
        connection.execute(row("jobs", **job, cancel_requested=False, **times))
        connection.execute(row("events", number=5, job_id="j", time="2026-01-01", kind="queued", data="{}"))
    upgrade(engine, "0008")
    with engine.begin() as connection:
        model = {"name": "m", "owner": "", "description": "", "spec": "{}", "policy": "{}", "retention": "{}"}
        connection.execute(row("models", **model, version=1, **times))
        settled = {"missed": "skip", "concurrency": "allow", "catch_up_seconds": 1, "overrides": "{}", "paused": False}
        about = {"id": "s", "model": "m", "name": "x", "cron": "* * * * *", "timezone": "UTC", "created_by": "a"}
        connection.execute(row("schedules", **about, **settled, considered_until="2026-01-01", version=1, **times))
        fire = {"schedule_id": "s", "partition": "", "origin": "cron", "state": "started", "by": "a"}
        connection.execute(row("fires", **fire, due_at="2026-01-01", created_at="2026-01-01"))
    upgrade(engine)
    with engine.begin() as connection:
        counts = [
            connection.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608
            for name in ("jobs", "events", "schedules", "fires")
        ]
        assert counts == [1, 1, 1, 1]
        assert connection.scalar(text("SELECT number FROM events")) == 5
    engine.dispose()


def test_processes_that_start_at_once_migrate_once(settings: Settings) -> None:
    code = "import sys; from service.store.database import connect; connect(sys.argv[1])"
    command = [sys.executable, "-W", "error::Warning:service", "-c", code, settings.database]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), said
    engine = open_database(settings.database)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
    engine.dispose()


def test_threads_that_start_at_once_migrate_once(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: connect(settings.database), range(8)))
    for each in made:
        bound(each).dispose()


def test_what_is_stored_is_read_back(sessions: sessionmaker[Session]) -> None:
    job_id = create(sessions)
    with sessions() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        assert job.spec == SPEC
        assert (job.progress, job.prune_list, job.reason, job.attempt) == (None, None, None, 0)
        assert jobs.count_by_state(session) == {"queued": 1}
        assert [event.kind for event in events.after(session, 0, 10, job_id=job_id)] == ["job.queued"]


def test_a_move_and_its_event_stand_or_fall_together(sessions: sessionmaker[Session]) -> None:
    job_id = create(sessions)
    with sessions() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        jobs.move(session, job, JobState.STARTING, NOW)
        session.flush()
        session.rollback()
    with sessions() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        assert job.state == "queued"
        assert len(events.after(session, 0, 10, job_id=job_id)) == 1


def test_one_of_many_gets_the_lease(sessions: sessionmaker[Session]) -> None:
    job_id = create(sessions)
    barrier = threading.Barrier(8, timeout=60)

    def grab(owner: int) -> bool:
        barrier.wait()
        with sessions.begin() as session:
            return jobs.lease(session, job_id, str(owner), NOW, 30) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(grab, range(8))) == 1


def test_a_lease_is_prolonged_held_and_lost(sessions: sessionmaker[Session]) -> None:
    job_id = create(sessions)
    later = NOW + timedelta(seconds=31)
    with sessions.begin() as session:
        assert jobs.lease(session, job_id, "a", NOW, 30) is not None
        assert jobs.lease(session, job_id, "a", NOW, 30) is not None
        assert jobs.lease(session, job_id, "b", NOW, 30) is None
        assert jobs.get_if_leased(session, job_id, "a", NOW) is not None
        assert jobs.get_if_leased(session, job_id, "a", later) is None
        assert jobs.lease(session, job_id, "b", later, 30) is not None
        assert jobs.get_if_leased(session, job_id, "a", later) is None


def test_nothing_gets_between_a_look_and_its_change(sessions: sessionmaker[Session]) -> None:
    job_id = create(sessions)
    with sessions.begin() as session:
        jobs.lease(session, job_id, "a", NOW, 30)
    holding, order = threading.Event(), []

    def other() -> None:
        holding.wait(timeout=60)
        with sessions.begin() as session:
            jobs.lease(session, job_id, "b", NOW + timedelta(seconds=31), 30)
            order.append("b")

    thread = threading.Thread(target=other)
    thread.start()
    with sessions.begin() as session:
        job = jobs.get_if_leased(session, job_id, "a", NOW)
        assert job is not None
        holding.set()
        time.sleep(0.1)
        jobs.move(session, job, JobState.STARTING, NOW)
        order.append("a")
    thread.join()
    assert order == ["a", "b"]


def test_loops_side_by_side_submit_each_job_once(sessions: sessionmaker[Session], settings: Settings) -> None:
    made = [create(sessions) for _ in range(12)]
    ray = HandEngine(delay=0.003)
    barrier = threading.Barrier(4, timeout=60)

    def loop(_: int) -> None:
        own = connect(settings.database)
        reconciler = Reconciler(own, ray, settings)
        barrier.wait()
        for _ in range(3):
            reconciler.step()
        bound(own).dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(loop, range(4)))
    assert sorted(ray.submitted) == sorted(f"{job_id}-1" for job_id in made)
    assert ray.refused == 0
    with sessions() as session:
        assert jobs.count_by_state(session) == {"starting": 12}
        for job_id in made:
            assert [event.data.get("to") for event in events.after(session, 0, 10, job_id=job_id)] == [None, "starting"]


def test_loops_without_leases_that_hold_submit_each_job_once(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    """Clocks so far apart that every lease looks expired: Ray's own refusal of a used id is what is left."""
    made = [create(sessions) for _ in range(6)]
    ray = HandEngine(delay=0.003)

    def loop(replica: int) -> None:
        ahead = timedelta(hours=replica)
        reconciler = Reconciler(sessions, ray, settings, now=lambda: datetime.now(UTC) + ahead)
        for _ in range(3):
            reconciler.step()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(loop, range(4)))
    assert sorted(ray.submitted) == sorted(f"{job_id}-1" for job_id in made)


def test_a_step_repeated_changes_nothing(sessions: sessionmaker[Session], settings: Settings) -> None:
    job_id = create(sessions)
    ray = HandEngine(delay=0.003)
    reconciler = Reconciler(sessions, ray, settings)
    directory = RunDirectory(settings.run_directory(job_id, 1))
    reconciler.step()
    write_json(directory.progress, progress(step=1))
    counts = []
    for stage in ("running", "ended"):
        if stage == "ended":
            write_json(directory.prune_list, PRUNE_LIST)
            ray.states[f"{job_id}-1"] = Status.ENDED
        for _ in range(3):
            reconciler.step()
            with sessions() as session:
                counts.append(len(events.after(session, 0, 100, job_id=job_id)))
    assert counts == [4, 4, 4, 5, 5, 5]
    with sessions() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        assert (job.state, job.prune_list, job.attempt) == ("succeeded", PRUNE_LIST, 1)


def test_a_job_that_ray_loses_again_and_again_fails(sessions: sessionmaker[Session], settings: Settings) -> None:
    job_id = create(sessions)
    ray = HandEngine(delay=0.003)
    reconciler = Reconciler(sessions, ray, settings)
    for _ in range(10):
        reconciler.step()
        ray.forget()
    assert ray.submitted == [f"{job_id}-{number}" for number in (1, 2, 3, 4)]
    with sessions() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        assert job.state == "failed"
        assert str(job.reason).endswith("4 attempts ended so, and max_failures is 3")
