"""The job loop killed, or stopped past its lease, at each of its steps: no job lost, none started twice, no event lost.

The kills are SIGKILLs that a process sends itself between two lines, with a second one looping beside it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from service.faults import POINTS
from service.settings import Settings
from service.store.tables import Event, Job
from tests.fault_loop import PLOTS, Theatre

IN_TRANSACTION = {"apply.written", "start.written"}


@pytest.fixture
def theatre(url: str, tmp_path: Path) -> Iterator[Theatre]:
    settings = Settings(home=tmp_path, database_url=url, max_running_jobs=500, max_running_checks=500, retry_seconds=0)
    made = Theatre(settings)
    yield made
    made.sessions.kw["bind"].dispose()


def kill_at_random(theatre: Theatre, kills: int) -> Counter[str]:
    """Rounds of two children over one store, each told to die at a point, until so many have. Gives kills by point."""
    chance, killed, plots = random.Random(kills), Counter[str](), cycle(PLOTS)
    for _ in range(20 * kills):
        theatre.add(next(plots))
        theatre.ahead += 60  # leases of the dead have expired
        chosen = [min(POINTS, key=lambda point: killed[point]), chance.choice(POINTS)]
        counts = [1 if point.startswith("start") else chance.randint(1, 3) for point in chosen]
        children = [theatre.child(4, f"kill:{point}@{count}") for point, count in zip(chosen, counts, strict=True)]
        for point, child in zip(chosen, children, strict=True):
            child.join(timeout=120)
            assert child.exitcode in {0, -signal.SIGKILL}
            killed[point] += child.exitcode == -signal.SIGKILL
        theatre.meddle(early=chance.random() < 0.3)
        if killed.total() >= kills and min(killed[point] for point in POINTS) >= 2:
            return killed
    raise AssertionError(f"only {killed} in {20 * kills} rounds")


@pytest.mark.parametrize("kills", [2 * len(POINTS), pytest.param(200, marks=pytest.mark.slow)])
def test_kills_at_every_point_lose_and_double_nothing(theatre: Theatre, kills: int) -> None:
    began = time.monotonic()
    killed = kill_at_random(theatre, kills)
    theatre.play_out()
    found = theatre.faults_found()
    with theatre.sessions() as session:
        store = session.get_bind().dialect.name
    counts = {name: len(faults) for name, faults in found.items()}
    print(f"{store}: {killed.total()} kills, {len(theatre.plots)} jobs: {counts} in {time.monotonic() - began:.0f} s")
    assert found == {"lost": [], "doubled": [], "events": []}


@pytest.mark.parametrize("point", [point for point in POINTS if point not in IN_TRANSACTION])
def test_a_replica_that_is_stopped_past_its_lease_writes_nothing_when_it_wakes(theatre: Theatre, point: str) -> None:
    theatre.add("dies")
    theatre.add("cancelled")
    theatre.meddle(early=False)
    sleeper = theatre.child(4, f"stop:{point}")
    assert sleeper.pid is not None
    wait_until_stopped(sleeper.pid)
    theatre.play_out()
    before = content(theatre), theatre.engine.told["accepted"]
    os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.join(timeout=120)
    assert sleeper.exitcode == 0
    assert (content(theatre), theatre.engine.told["accepted"]) == before
    assert theatre.faults_found() == {"lost": [], "doubled": [], "events": []}


def wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def content(theatre: Theatre) -> list[tuple[object, ...]]:
    """All of the jobs but who holds their leases, and all events."""
    kept = [column for column in Job.__table__.columns if not column.name.startswith("lease")]
    with theatre.sessions() as session:
        rows = [*session.execute(select(*kept).order_by(Job.number))]
        return [
            tuple(row) for row in [*rows, *session.execute(select(Event.number, Event.kind).order_by(Event.number))]
        ]
