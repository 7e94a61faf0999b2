"""The log tells what happened to jobs, lists and triggers, once it is committed, and no progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.core.job_state import JobState
from service.store import events, jobs
from tests.support.managed import MODEL, Managed, content


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home")
    yield made
    made.close()


def test_states_and_lists_are_told(lite: Managed) -> None:
    lite.model("a", "b")
    with capture_logs() as told:
        number = lite.succeed(content({"a": "keep", "b": "prune"}))
        with lite.sessions.begin() as session:
            job = jobs.create(session, {"name": "x"}, lite.time)
            jobs.move(session, job, JobState.FAILED, lite.time, "no such data")
            jobs.record(session, job, "job.snapshot", {"step": 1}, lite.time)
            job_id = job.id
    lines = {line["event"]: line for line in told}
    assert lines["prune_list.proposed"].items() >= {
        "model": MODEL, "number": number, "verdict": "passed", "log_level": "info",
    }.items()  # fmt: skip
    assert lines["job.state"].items() >= {"job_id": job_id, "to": "failed", "reason": "no such data"}.items()
    assert "job.snapshot" not in lines


def test_what_is_rolled_back_is_not_told(lite: Managed) -> None:
    data = {"tries": 3, "event": "x", "list": [1]}
    with capture_logs() as told:
        session = lite.sessions()
        events.record(session, "webhook.disabled", data, lite.time)
        session.rollback()
        session.commit()
    assert told == []
    with capture_logs() as told, lite.sessions.begin() as session:
        events.record(session, "webhook.disabled", data, lite.time)
    assert told == [{"event": "webhook.disabled", "data_event": "x", "tries": 3, "log_level": "info"}]
