"""The loops of jobs and of deliveries killed, or stopped past their leases, at each of their steps.

No job is lost, none started twice, no event lost; no delivery is lost, or has a second id or entry in the log.

The kills are SIGKILLs that a process sends itself between two lines, with a second one looping beside it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service.core.fault_points import DELIVERY_POINTS, JOB_POINTS
from service.settings import Settings
from tests.support.fault_deliveries import Deliveries
from tests.support.fault_loop import Theatre

LOOPS = {"jobs": Theatre, "deliveries": Deliveries}
POINTS = [("jobs", point) for point in JOB_POINTS] + [("deliveries", point) for point in DELIVERY_POINTS]
IN_TRANSACTION = {"apply.written", "start.written", "queue.written", "lease.written", "note.written"}
ONCE_A_ROUND = ("start", "queue")


@pytest.fixture
def theatre(loop: str, url: str, tmp_path: Path) -> Iterator[Theatre | Deliveries]:
    settings = Settings(home=tmp_path, database_url=url, max_running_jobs=500, max_running_checks=500, retry_seconds=0)
    made = LOOPS[loop](settings)
    yield made
    made.close()


def kill_at_random(theatre: Theatre | Deliveries, kills: int) -> Counter[str]:
    """Rounds of two children over one store, each told to die at a point, until so many have. Gives kills by point."""
    chance, killed, points = random.Random(kills), Counter[str](), theatre.points
    for _ in range(20 * kills):
        theatre.add_more()
        theatre.ahead += 60  # leases of the dead have expired
        chosen = [min(points, key=lambda point: killed[point]), chance.choice(points)]
        counts = [1 if point.startswith(ONCE_A_ROUND) else chance.randint(1, 3) for point in chosen]
        children = [theatre.child(f"kill:{point}@{count}") for point, count in zip(chosen, counts, strict=True)]
        for point, child in zip(chosen, children, strict=True):
            child.join(timeout=120)
            assert child.exitcode in {0, -signal.SIGKILL}
            killed[point] += child.exitcode == -signal.SIGKILL
        theatre.meddle(early=chance.random() < 0.3)
        if killed.total() >= kills and min(killed[point] for point in points) > 0:
            return killed
    raise AssertionError(f"only {killed} in {20 * kills} rounds")


@pytest.mark.parametrize("kills", [0, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("loop", LOOPS)
def test_kills_at_every_point_lose_and_double_nothing(theatre: Theatre | Deliveries, kills: int) -> None:
    began = time.monotonic()
    killed = kill_at_random(theatre, max(kills, len(theatre.points)))
    theatre.play_out()
    found = theatre.faults_found()
    with theatre.sessions() as session:
        store = session.get_bind().dialect.name
    counts = {name: len(faults) for name, faults in found.items()}
    print(f"{store}: {killed.total()} kills, {theatre.work}: {counts} in {time.monotonic() - began:.0f} s")
    assert not any(found.values()), found


@pytest.mark.parametrize(("loop", "point"), [each for each in POINTS if each[1] not in IN_TRANSACTION])
def test_a_replica_that_is_stopped_past_its_lease_writes_nothing_when_it_wakes(
    theatre: Theatre | Deliveries, point: str
) -> None:
    theatre.add_all()
    theatre.meddle(early=False)
    sleeper = theatre.child(f"stop:{point}")
    assert sleeper.pid is not None
    try:
        wait_until_stopped(sleeper.pid)
        theatre.play_out()
        before = theatre.content()
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.join(timeout=120)
    assert sleeper.exitcode == 0
    assert theatre.content() == before
    found = theatre.faults_found()
    assert not any(found.values()), found


def wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.02)
