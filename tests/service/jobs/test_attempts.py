"""Attempts: their files and tokens, limits, retries, ends, and what a run reports and hears."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.app import create_app
from service.jobs.attempts import directory_of, get_token
from service.jobs.reconciler import Reconciler
from service.ray.client import Status
from service.settings import Settings
from service.store import attempts, events, jobs
from service.store.tables import Attempt, Job
from tests.service.jobs.test_service import SPEC
from tests.support.documents import prune_list
from tests.support.engines import HandEngine
from trainers.launch import progress_reporter
from trainers.launch.progress_reporter import Destination, Reporter, interrupt
from trainers.runs.coordinator import Coordinator, Report
from trainers.runs.directory import read_json, write_json
from trainers.runs.progress import Progress, RunState, Stage

PRUNE_LIST = prune_list(passed=True, reason="auc held")
GIVEN = {"max_running_jobs": 100, "poll_seconds": 3600, "public_url": "http://127.0.0.1:1", "retry_seconds": 10}


class Plane:
    """The application over a store, its loop stepped by hand and its clock set by hand."""

    def __init__(self, home: Path, database_url: str, **given: Any) -> None:
        self.settings = Settings(home=home, database_url=database_url, **{**GIVEN, **given})
        self.engine = HandEngine()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.app = create_app(self.settings, self.engine, open_to_local=True, now=lambda: self.time)
        self.sessions = self.app.state.sessions
        self.http = TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        self.loop = self.replica()

    def replica(self) -> Reconciler:
        return Reconciler(self.sessions, self.engine, self.settings, now=lambda: self.time)

    def add(self, **columns: Any) -> str:
        with self.sessions.begin() as session:
            return jobs.create(session, {**SPEC}, self.time, **columns).id

    def job(self, job_id: str) -> Job:
        with self.sessions() as session:
            found = jobs.find(session, job_id)
            assert found is not None
            return found

    def attempts(self, job_id: str) -> list[tuple[int, str | None]]:
        with self.sessions() as session:
            rows = session.execute(select(Attempt.number, Attempt.outcome).where(Attempt.job_id == job_id))
            return sorted(tuple(row) for row in rows)

    def kinds(self, job_id: str) -> list[str]:
        with self.sessions() as session:
            return [event.kind for event in events.after(session, 0, 1000, job_id=job_id)]

    def token(self, job_id: str, attempt: int = 1) -> str:
        return get_token(self.settings, job_id, attempt)

    def report(self, job_id: str, number: int, attempt: int = 1, **given: Any) -> httpx.Response:
        token = given.pop("token", None) or self.token(job_id, attempt)
        body = {"number": number, "progress": {**PROGRESS, **given} if given else None}
        path = f"/v1/jobs/{job_id}/attempts/{attempt}/reports"
        return self.http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


PROGRESS = {"state": "running", "stage": "searching", "step": 1, "total_steps": 9, "attempt": 0}


@pytest.fixture
def plane(url: str, tmp_path: Path) -> Iterator[Plane]:
    made = Plane(tmp_path, url)
    yield made
    made.http.close()
    made.sessions.kw["bind"].dispose()


def test_an_attempt_takes_over_what_the_one_before_it_left(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    before = directory_of(plane.settings, plane.job(job)).path
    (before / "checkpoints").mkdir()
    (before / "checkpoints" / "step-40").write_text("weights")
    write_json(before / "progress.json", PROGRESS)
    plane.engine.forget()
    plane.loop.step()
    plane.time += timedelta(seconds=10)
    plane.loop.step()
    assert plane.engine.submitted == [f"{job}-1", f"{job}-2"]
    after = plane.engine.works[f"{job}-2"].directory
    assert after == before.with_name("attempt-2") == directory_of(plane.settings, plane.job(job)).path
    assert (after / "checkpoints" / "step-40").read_text() == "weights"
    assert not before.exists()
    assert plane.job(job).state == "starting"  # what the first attempt said of its stage is not the second's
    assert plane.attempts(job) == [(1, "lost"), (2, None)]


def test_a_token_is_made_once_and_is_for_its_user_alone(plane: Plane) -> None:
    job = plane.add()
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: get_token(plane.settings, job, 1), range(8)))
    assert len(tokens) == 1
    plane.loop.step()
    work = plane.engine.works[f"{job}-1"]
    assert work.reporting is not None
    assert work.reporting.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in work.reporting.parent.iterdir()) == ["attempt-1", "attempt-1.json"]
    told = read_json(work.reporting)
    assert told == {"url": "http://127.0.0.1:1", "job_id": job, "attempt": 1, "token": tokens.pop()}
    with plane.sessions() as session:
        stored = json.dumps([row.token_hash for row in session.scalars(select(Attempt))])
    assert told["token"] not in stored


def test_limits_count_jobs_models_and_checks_apart(url: str, tmp_path: Path) -> None:
    plane = Plane(tmp_path, url, max_running_jobs=3, max_running_jobs_per_model=1, max_running_checks=1)
    for name in ("a", "b"):
        answer = plane.http.post("/v1/models", json={"name": name, "owner": "o", "spec": {}})
        assert answer.status_code in {200, 201}, answer.text
    first, second = plane.add(model="a"), plane.add(model="a")
    low, other = plane.add(priority=-1), plane.add(model="b")
    urgent = plane.add(priority=5)
    checks = [plane.add(dry_run=True), plane.add(dry_run=True, model="a")]
    plane.loop.step()
    assert plane.engine.submitted == [f"{name}-1" for name in (urgent, first, other, checks[0])]
    plane.engine.states[f"{urgent}-1"] = Status.ENDED
    plane.engine.states[f"{first}-1"] = Status.ENDED
    for ended in (urgent, first):
        write_json(plane.engine.directory(f"{ended}-1").prune_list, PRUNE_LIST | {"totals": {}})
    plane.loop.step()
    assert plane.engine.submitted[4:] == [f"{second}-1", f"{low}-1"]
    plane.http.close()
    plane.sessions.kw["bind"].dispose()


def test_racing_loops_keep_to_the_limit_and_start_each_job_once(url: str, tmp_path: Path) -> None:
    plane = Plane(tmp_path, url, max_running_jobs=5)
    plane.engine.delay = 0.003
    made = [plane.add() for _ in range(12)]
    barrier, most = threading.Barrier(6, timeout=60), []

    def race(_: int) -> None:
        loop = plane.replica()
        barrier.wait()
        for _ in range(3):
            loop.step()
            most.append(len(plane.engine.running))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(race, range(6)))
    assert max(most) == 5
    assert sorted(plane.engine.submitted) == sorted(f"{job}-1" for job in made[:5])
    assert (plane.engine.refused, plane.engine.overlaps) == (0, 0)
    plane.http.close()
    plane.sessions.kw["bind"].dispose()


def test_faults_of_the_infrastructure_are_tried_again_after_longer_and_longer_pauses(plane: Plane) -> None:
    job = plane.add(max_failures=2)
    plane.loop.step()
    for attempt, longest in ((1, 10), (2, 20)):
        plane.engine.states[f"{job}-{attempt}"] = Status.ENDED
        plane.loop.step()
        found = plane.job(job)
        assert (found.state, found.failures) == ("queued", attempt)
        assert "exit code 137" in str(found.reason)
        assert found.not_before is not None
        pause = (found.not_before - plane.time).total_seconds()
        assert longest / 2 <= pause <= longest
        plane.time += timedelta(seconds=pause - 0.001)
        plane.loop.step()
        assert len(plane.engine.submitted) == attempt
        plane.time += timedelta(seconds=0.001)
        plane.loop.step()
        assert (plane.job(job).state, plane.job(job).reason) == ("starting", None)
    plane.engine.states[f"{job}-3"] = Status.ENDED
    plane.loop.step()
    found = plane.job(job)
    assert (found.state, found.failures) == ("failed", 3)
    assert str(found.reason).endswith("3 attempts ended so, and max_failures is 2")
    assert plane.attempts(job) == [(1, "failed"), (2, "failed"), (3, "failed")]


def test_an_error_of_the_user_is_not_tried_again(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    plane.engine.directory(f"{job}-1").record("failed", reason="label: 7", fault="user")
    plane.engine.states[f"{job}-1"] = Status.ENDED
    plane.loop.step()
    assert (plane.job(job).state, plane.job(job).reason, plane.job(job).failures) == ("failed", "label: 7", 0)


def test_what_an_earlier_attempt_said_is_not_held_against_a_later_one(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    plane.engine.directory(f"{job}-1").record("failed", reason="a worker died", fault="run")
    plane.engine.states[f"{job}-1"] = Status.ENDED
    plane.loop.step()
    plane.time += timedelta(seconds=10)
    plane.loop.step()
    plane.engine.states[f"{job}-2"] = Status.ENDED
    plane.loop.step()
    assert "exit code 137" in str(plane.job(job).reason)


def test_a_deadline_cancels_waiting_and_running_jobs(plane: Plane) -> None:
    running, deadline = plane.add(deadline=plane.time + timedelta(hours=1)), plane.time + timedelta(hours=1)
    plane.loop.step()
    waiting = plane.add(deadline=deadline)
    with plane.sessions.begin() as session:
        found = jobs.find(session, waiting)
        assert found is not None
        found.not_before = plane.time + timedelta(hours=9)
    plane.time = deadline
    plane.loop.step()
    plane.loop.step()
    for job in (running, waiting):
        found = plane.job(job)
        assert (found.state, found.reason) == ("cancelled", "deadline: 2026-01-01T01:00:00+00:00 has passed")
        assert plane.kinds(job).count("job.cancel_requested") == 1
    assert plane.attempts(running) == [(1, "cancelled")]


def test_a_run_that_reports_is_told_of_a_cancel_and_stopped_only_after_its_grace(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    assert plane.report(job, 1, step=3).json() == {"taken": 1, "stop": None}
    assert plane.http.post(f"/v1/jobs/{job}/cancel").status_code == 202
    plane.loop.step()
    assert plane.report(job, 2, step=4).json() == {"taken": 2, "stop": "cancelled"}
    assert plane.engine.stopped == []
    plane.time += timedelta(seconds=15)
    plane.loop.step()
    assert plane.engine.stopped == [f"{job}-1"]
    plane.loop.step()
    assert plane.job(job).state == "cancelled"


def test_a_submission_that_comes_after_its_job_was_cancelled_finds_no_spec(plane: Plane) -> None:
    job = plane.add()
    plane.engine.submit = lambda *_: (_ for _ in ()).throw(ConnectionError("no answer"))  # type: ignore[method-assign]
    plane.loop.step()
    assert (plane.job(job).state, plane.attempts(job)) == ("queued", [(1, None)])
    spec = directory_of(plane.settings, plane.job(job)).path / "submitted.json"
    assert spec.exists()
    plane.http.post(f"/v1/jobs/{job}/cancel")
    plane.loop.step()
    assert plane.job(job).state == "cancelled"
    assert not spec.exists()


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        ('{"splits": {"train": {"rows": 9}}}', "succeeded", "the spec and its data fit together"),
        ('{"error": "label: 7", "exit_code": 2}', "failed", "label: 7"),
        ('{"error": "no memory", "exit_code": 1}', "queued", "exit code 137"),
        ('{"spl', "queued", "exit code 137"),
        (None, "queued", "exit code 137"),
    ],
)
def test_a_dry_run_checks_the_data_and_nothing_else(plane: Plane, found: str | None, state: str, reason: str) -> None:
    job = plane.add(dry_run=True)
    plane.loop.step()
    work = plane.engine.works[f"{job}-1"]
    assert work.dry_run
    if found is not None:
        (work.directory / "check.json").write_text(found)
    plane.engine.states[f"{job}-1"] = Status.ENDED
    plane.loop.step()
    assert plane.job(job).state == state
    assert reason in str(plane.job(job).reason)
    if state == "succeeded":
        assert (plane.job(job).progress or {})["check"] == {"splits": {"train": {"rows": 9}}}


def test_reports_move_a_job_and_are_taken_once(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    assert plane.report(job, 1).json() == {"taken": 1, "stop": None}
    assert plane.job(job).state == "starting"
    assert plane.report(job, 2, step=5).json()["taken"] == 2
    assert (plane.job(job).state, (plane.job(job).progress or {})["step"]) == ("searching", 5)
    assert plane.report(job, 2, step=6).json()["taken"] == 2
    assert plane.report(job, 1, stage="ranking").json()["taken"] == 2
    assert (plane.job(job).state, (plane.job(job).progress or {})["step"]) == ("searching", 5)
    assert plane.report(job, 3, stage="finetuning", step=1).status_code == 200
    assert plane.report(job, 4, stage="searching", step=9).status_code == 200
    assert plane.job(job).state == "finetuning"


def test_snapshots_are_no_closer_than_the_setting_and_leave_the_gates_out(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    for number in range(1, 11):
        plane.report(job, number, step=number, gates={"age": 0.5})
        plane.time += timedelta(seconds=0.5)
    with plane.sessions() as session:
        told = [each.data for each in events.after(session, 0, 100, job_id=job) if each.kind == "job.snapshot"]
    assert [each["progress"]["step"] for each in told] == [1, 3, 5, 7, 9]
    assert told[0] == {"attempt": 1, "progress": {**PROGRESS, "step": 1}}
    assert (plane.job(job).progress or {})["gates"] == {"age": 0.5}


def test_a_snapshot_that_was_held_back_comes_when_nothing_follows_it(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    plane.report(job, 1, step=1)
    plane.report(job, 2, step=2)
    for _ in range(3):
        plane.time += timedelta(seconds=1)
        plane.loop.step()
    with plane.sessions() as session:
        told = [each.data for each in events.after(session, 0, 100, job_id=job) if each.kind == "job.snapshot"]
    assert [each["progress"]["step"] for each in told] == [1, 2]


def test_an_older_directory_does_not_undo_a_report(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    write_json(plane.engine.directory(f"{job}-1").progress, {**PROGRESS, "step": 3})
    status = plane.engine.status

    def meanwhile(submission: str) -> Status:
        plane.report(job, 1, step=8)
        return status(submission)

    plane.engine.status = meanwhile  # type: ignore[method-assign]
    plane.loop.step()
    assert (plane.job(job).progress or {})["step"] == 8


def test_a_token_writes_to_its_own_attempt_and_nothing_else(plane: Plane) -> None:
    job, other = plane.add(), plane.add()
    plane.loop.step()
    path = f"/v1/jobs/{job}/attempts/1/reports"
    assert plane.http.post(path, json={"number": 1}).status_code == 401
    refused = plane.report(job, 1, token=plane.token(other), step=2)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:winnow:token-of-another")
    for unknown in ("job-none", "%00", "%ED%A0%80"):
        answer = plane.http.post(path.replace(job, unknown), json={"number": 1}, headers={"Authorization": "Bearer x"})
        assert answer.status_code == 403
    assert plane.report(job, 1, attempt=2, token=plane.token(job), step=2).status_code == 403
    plane.http.post(f"/v1/jobs/{job}/attempts/1/reports")
    assert plane.job(job).progress is None
    own = {"Authorization": f"Bearer {plane.token(job)}"}
    made = plane.http.post("/v1/keys", json={"name": "a", "scopes": ["admin"]})
    assert made.status_code == 201, made.text
    for method, elsewhere in (("GET", "/v1/jobs"), ("POST", f"/v1/jobs/{job}/cancel"), ("GET", f"/v1/jobs/{job}")):
        assert plane.http.request(method, elsewhere, headers=own).status_code == 401
    assert plane.report(job, 1, step=2).status_code == 200


def test_an_attempt_that_was_given_up_is_refused(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    first = plane.token(job)
    plane.engine.forget()
    plane.loop.step()
    ended = plane.report(job, 1, step=9)
    assert (ended.status_code, ended.json()["type"]) == (409, "urn:winnow:attempt-ended")
    plane.time += timedelta(seconds=10)
    plane.loop.step()
    fenced = plane.report(job, 2, token=first, step=9)
    assert (fenced.status_code, fenced.json()["type"]) == (409, "urn:winnow:attempt-fenced")
    assert plane.job(job).progress is None
    assert plane.report(job, 1, attempt=2, step=1).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"number": 0},
        {"number": 2**60},
        {"number": 1, "other": 1},
        {"number": 1, "progress": {**PROGRESS, "stage": "resting"}},
        {"number": 1, "progress": {**PROGRESS, "step": -1}},
        {"number": 1, "progress": {**PROGRESS, "gates": {f"f{place}": 0.5 for place in range(1001)}}},
        {"number": 1, "progress": {**PROGRESS, "gates": {"a\0": 0.5}}},
    ],
)
def test_reports_that_cannot_be_stored_are_refused(plane: Plane, body: dict[str, Any]) -> None:
    job = plane.add()
    plane.loop.step()
    own = {"Authorization": f"Bearer {plane.token(job)}"}
    answer = plane.http.post(f"/v1/jobs/{job}/attempts/1/reports", json=body, headers=own)
    assert answer.status_code == 422, answer.text
    odd = '{"number": 1, "progress": {"state": "running", "stage": "searching", "step": 1, "total_steps": 1, '
    odd += '"attempt": 0, "loss": NaN}}'
    answer = plane.http.post(
        f"/v1/jobs/{job}/attempts/1/reports", content=odd, headers={**own, "content-type": "application/json"}
    )
    assert answer.status_code == 422


def test_what_a_coordinator_says_is_what_the_service_takes(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(0, 1, 0)
    coordinator.enter(0, Stage.SEARCHING, 100)
    gate_F = np.array([0.25, 1.0], dtype=np.float32)
    coordinator.report(Report(0, 0, 5, 5, gate_F, 1.0, 0.5, 0.1, 640, 0.5, details={"divergence": gate_F}))
    own = {"Authorization": f"Bearer {plane.token(job)}"}
    body = {"number": 1, "progress": coordinator.progress().document()}
    answer = plane.http.post(f"/v1/jobs/{job}/attempts/1/reports", json=body, headers=own)
    assert answer.status_code == 200, answer.text
    assert plane.job(job).progress == coordinator.progress().document()


def test_a_job_whose_run_validates_its_data_starts(plane: Plane) -> None:
    job = plane.add()
    plane.loop.step()
    own = {"Authorization": f"Bearer {plane.token(job)}"}
    path = f"/v1/jobs/{job}/attempts/1/reports"
    for number, (stage, state) in enumerate((("validating", "starting"), ("starting", "starting")), 1):
        body = {"number": number, "progress": {**PROGRESS, "stage": stage}}
        assert plane.http.post(path, json=body, headers=own).status_code == 200
        shown = plane.http.get(f"/v1/jobs/{job}").json()
        assert (shown["state"], shown["progress"]["stage"]) == (state, stage)


def test_the_security_of_reports_is_a_scheme_of_its_own(plane: Plane) -> None:
    found = plane.app.openapi()
    operation = found["paths"]["/v1/jobs/{job_id}/attempts/{number}/reports"]["post"]
    assert operation["security"] == [{"runToken": []}]
    assert found["components"]["securitySchemes"]["runToken"]["scheme"] == "bearer"


class Listener:
    """A control plane that answers as told; what it was sent, with the time of it."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, Any]] = (200, {"taken": 1, "stop": None})
        self.heard: list[tuple[float, str | None, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.heard.append((time.monotonic(), self.headers.get("Authorization"), body))
                content = json.dumps(outer.answer[1]).encode()
                self.send_response(outer.answer[0])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.destination = Destination(url=url, job_id="job-1", attempt=2, token="secret")


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()
    thread.join()


def at_step(step: int) -> Progress:
    return Progress(state=RunState.RUNNING, stage=Stage.SEARCHING, step=step, total_steps=9, attempt=0)


def until(done: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_says_that_it_lives_and_reports_changes_within_two_seconds(listener: Listener) -> None:
    with Reporter(listener.destination, end=pytest.fail) as reporter:
        until(lambda: listener.heard)
        assert listener.heard[0][1:] == ("Bearer secret", {"number": 1, "progress": None})
        began = time.monotonic()
        reporter.update(at_step(1))
        reporter.update(at_step(2))
        until(lambda: len(listener.heard) > 1)
        assert listener.heard[1][2] == {"number": 2, "progress": at_step(2).document()}
        assert listener.heard[1][0] - began < 2


def test_a_control_plane_that_is_away_stops_no_run(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_reporter, "LEAST_SECONDS", 0.01)
    for listener.answer in (
        (500, {}),
        (404, {"type": "urn:winnow:not-found"}),
        (403, {"type": "urn:winnow:x"}),
        (409, {}),
    ):
        listener.heard.clear()
        with Reporter(listener.destination, end=pytest.fail) as reporter:
            reporter.update(at_step(1))
            until(lambda: listener.heard)
    nowhere = Destination(url="http://127.0.0.1:1", job_id="a", attempt=1, token="t")
    with Reporter(nowhere, end=pytest.fail) as reporter:
        reporter.update(at_step(1))
        time.sleep(0.1)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"taken": 1, "stop": "cancelled"}),
        (409, {"type": "urn:winnow:attempt-fenced", "detail": "given up"}),
        (409, {"type": "urn:winnow:attempt-ended", "detail": "over"}),
    ],
)
def test_a_run_that_is_to_end_ends(listener: Listener, answer: tuple[int, dict[str, Any]]) -> None:
    listener.answer = answer
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt), Reporter(listener.destination, end=interrupt):
            time.sleep(30)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(listener.heard) == 1


def test_newest_events_stay_few(plane: Plane) -> None:
    """A step that finds nothing new writes nothing."""
    job = plane.add()
    for _ in range(3):
        plane.loop.step()
    with plane.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1
        assert attempts.startable(session, plane.time, plane.loop.limits) == []
    assert plane.kinds(job) == ["job.queued", "job.state"]
