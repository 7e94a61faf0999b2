"""What stands between the control plane and Ray, against servers that hang, refuse, or are someone else's."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import create_autospec

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from service.app import _loops, create_app
from service.core.background_loop import Loop, LoopObserver
from service.core.clock import utc_now
from service.core.job_state import JobState
from service.jobs.attempt_status import Failure, read_failure
from service.jobs.reconciler import Reconciler
from service.main import ray_token
from service.ray import local_cluster
from service.ray.absence import OWN
from service.ray.client import EngineError, RayEngine, Status, Work
from service.ray.local_cluster import Head
from service.settings import Settings
from service.store import jobs
from service.store.database import connect
from service.store.tables import Attempt
from tests.service.jobs.test_service import SPEC
from trainers.runs.directory import RunDirectory

UNKNOWN = (404, "Job job-1 does not exist")


class Server:
    """Answers every request with `answer`, a status and a text, and keeps what was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, str] = (200, "{}")
        self.asked: list[tuple[str, str | None, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((f"{self.command} {self.path}", self.headers.get("Authorization"), body))
                self.send_response(outer.answer[0])
                self.end_headers()
                self.wfile.write(outer.answer[1].encode())

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def hung() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (UNKNOWN, Status.UNKNOWN),
        ((200, '{"status": "PENDING"}'), Status.RUNNING),
        ((200, '{"status": "RUNNING"}'), Status.RUNNING),
        ((200, '{"status": "SUCCEEDED"}'), Status.ENDED),
        ((200, '{"status": "FAILED"}'), Status.ENDED),
        ((200, '{"status": "STOPPED"}'), Status.ENDED),
    ],
)
def test_ray_words_for_a_status(server: Server, answer: tuple[int, str], status: Status) -> None:
    server.answer = answer
    assert RayEngine(server.address, token="t").status("job-1") is status
    assert server.asked == [("GET /api/jobs/job-1", "Bearer t", b"")]


@pytest.mark.parametrize(
    "answer",
    [
        (404, "nginx: no such page"),
        (401, "Unauthorized: Missing authentication token"),
        (500, "Traceback"),
        (200, '{"status": "RESTING"}'),
        (200, '{"job": "?"}'),
        (200, "<html>"),
    ],
)
def test_any_other_answer_is_no_status(server: Server, answer: tuple[int, str], tmp_path: Path) -> None:
    """It raises, and the loop leaves a job that runs as it is: neither ended nor started again."""
    server.answer = answer
    engine = RayEngine(server.address)
    with pytest.raises((EngineError, ValueError, KeyError)):
        engine.status("job-1")
    settings = Settings(home=tmp_path)
    sessions = connect(settings.database)
    now = Reconciler(sessions, engine, settings).now()
    with sessions.begin() as session:
        job = jobs.create(session, SPEC, now)
        job.attempt = 1
        session.add(Attempt(job_id=job.id, number=1, token_hash="", started_at=now))
        jobs.move(session, job, JobState.STARTING, now)
    Reconciler(sessions, engine, settings).step()
    with sessions() as session:
        assert jobs.count_by_state(session) == {"starting": 1}
    assert [asked for asked, _, _ in server.asked if asked.startswith("POST")] == []


@pytest.mark.parametrize(
    ("work", "command"),
    [
        (
            Work(directory=Path("/runs/a b"), reporting=Path("/runs/a.json")),
            "exec winnow run '/runs/a b/submitted.json' --output '/runs/a b' --resume -q --reporting /runs/a.json "
            ">> '/runs/a b/log.txt' 2>&1",
        ),
        (
            Work(directory=Path("/runs/a")),
            "exec winnow run /runs/a/submitted.json --output /runs/a --resume -q >> /runs/a/log.txt 2>&1",
        ),
        (
            Work(directory=Path("/runs/a"), dry_run=True, reporting=Path("/runs/a.json")),
            "exec winnow check /runs/a/submitted.json --json > /runs/a/check.json 2>> /runs/a/log.txt",
        ),
    ],
)
def test_an_attempt_is_submitted_under_its_id_by_a_fixed_command(server: Server, work: Work, command: str) -> None:
    RayEngine(server.address).submit("job-1", work)
    asked, _, body = server.asked[0]
    assert (asked, json.loads(body)) == ("POST /api/jobs/", {"entrypoint": command, "submission_id": "job-1"})


def test_what_ray_says_of_an_end_and_of_a_refusal_is_told(server: Server) -> None:
    engine = RayEngine(server.address)
    server.answer = (200, '{"message": "Job failed with exit code 137, last available logs (…):\\nRunning"}')
    assert engine.explain("job-1") == "Job failed with exit code 137"
    server.answer = (200, '{"message": null}')
    assert engine.explain("job-1") is None
    server.answer = (500, "Traceback\nValueError: Job with submission_id job-1 already exists.")
    with pytest.raises(EngineError, match=r"answered 500: (?s:.*)already exists"):
        engine.submit("job-1", Work(directory=Path("/runs")))


def test_a_head_that_hangs_hangs_nothing_else(hung: str, tmp_path: Path) -> None:
    engine = RayEngine(hung, timeout_seconds=0.2)
    began = time.monotonic()
    for call in (
        lambda: engine.status("a"),
        lambda: engine.stop("a"),
        lambda: engine.submit("a", Work(directory=tmp_path)),
    ):
        with pytest.raises(httpx.ReadTimeout):
            call()
    assert time.monotonic() - began < 2
    app = create_app(Settings(home=tmp_path, poll_seconds=0.05), engine, open_to_local=True)
    with TestClient(app, base_url="http://127.0.0.1") as http:
        assert http.post("/v1/jobs", json=SPEC).status_code == 202
        began = time.monotonic()
        found = {"ready": False, "database": True, "storage": True, "ray": False, "problems": [OWN]}
        assert http.get("/readyz").json() == found
        assert time.monotonic() - began < 4
        assert [job["state"] for job in http.get("/v1/jobs").json()["jobs"]] == ["queued"]


def test_a_loop_outlives_a_database_that_is_away() -> None:
    stop, steps, tally = threading.Event(), [], create_autospec(LoopObserver, instance=True)

    def step() -> int:
        steps.append(len(steps))
        if len(steps) == 3:
            stop.set()
        raise OperationalError("SELECT", None, Exception("connection refused"))

    Loop("reconcile", step, 0.01).run(stop, tally)
    assert steps == [0, 1, 2]
    assert [call.args[2] for call in tally.step.call_args_list] == [1, 1, 1]


def test_half_an_event_hides_no_other(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.record("failed", reason="label: 7", fault="user")
    with directory.events.open("ab") as stream:
        stream.write(b'{"time": "2026", "ki\xf0')
    assert read_failure(directory) == Failure("label: 7", of_user=True)
    directory.record("attempt", number=2)
    assert read_failure(directory) is None


def test_a_session_tells_a_head_from_a_stranger_on_its_port(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "ray" / "session_ours").mkdir(parents=True)
    head = Head(os.getpid(), "", server.address, str(tmp_path))
    server.answer = (200, '{"ray_version": "2.60.0", "session_name": "session_ours"}')
    assert not head.answers()
    (tmp_path / "ray" / "session_latest").symlink_to(tmp_path / "ray" / "session_ours")
    assert head.answers()
    assert server.asked[-1][:2] == ("GET /api/version", "Bearer secret")
    server.answer = (200, '{"ray_version": "2.60.0", "session_name": "session_theirs"}')
    assert not head.answers()
    for answer in ((200, "[]"), (200, "nothing"), (403, "Forbidden")):
        server.answer = answer
        assert not head.answers()


def test_a_head_whose_job_server_alone_is_there_has_not_started(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "log").write_text("The current node timed out during startup.")
    (tmp_path / "ray" / "session_ours").mkdir(parents=True)
    (tmp_path / "ray" / "session_latest").symlink_to(tmp_path / "ray" / "session_ours")
    server.answer = (200, '{"ray_version": "2.60.0", "session_name": "session_ours"}')
    with pytest.raises(RuntimeError, match="could not be started: The current node timed out"):
        local_cluster._wait(Head(os.getpid(), "ended", server.address, str(tmp_path)), 0.0)
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:6379")
    mine = local_cluster._born(os.getpid())
    assert local_cluster._wait(Head(os.getpid(), mine, server.address, str(tmp_path)), 0.0)
    with pytest.raises(RuntimeError, match="could not be started"):  # it answered, and its process has ended
        local_cluster._wait(Head(os.getpid(), "ended", server.address, str(tmp_path)), 0.0)


def test_a_head_that_ended_is_started_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("secret")
    mine = local_cluster._born(os.getpid())
    first = Head(os.getpid(), mine, "http://127.0.0.1:9", str(tmp_path))
    second = Head(os.getpid(), mine, server.address, str(tmp_path))
    heads = [first, second]
    monkeypatch.setattr(local_cluster, "ensure", lambda home: heads.pop(0))
    engine = local_cluster.LocalRay(tmp_path)
    engine.restore()
    assert (engine.head, heads) == (first, [second])  # it lives: nothing to do
    engine.head = dataclasses.replace(first, born="ended")
    with capture_logs() as logs:
        engine.restore()
    assert engine.head == second
    assert [entry["event"] for entry in logs] == ["ray has ended and is started again", "ray was started again"]
    server.answer = (200, '{"ray_version": "2.60.0", "session_name": "session_new"}')
    assert engine.healthy()
    assert server.asked[-1][:2] == ("GET /api/version", "Bearer secret")


def test_the_service_looks_after_the_ray_that_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("secret")
    head = Head(os.getpid(), local_cluster._born(os.getpid()), "http://127.0.0.1:9", str(tmp_path))
    monkeypatch.setattr(local_cluster, "ensure", lambda home: head)
    sessions, settings = connect(f"sqlite:///{tmp_path / 'winnow.db'}"), Settings(home=tmp_path)
    own = [loop.name for loop in _loops(sessions, local_cluster.LocalRay(tmp_path), settings, utc_now)]
    other = [loop.name for loop in _loops(sessions, RayEngine("http://127.0.0.1:9"), settings, utc_now)]
    assert (own[0], own[1:]) == ("ray", other)


def test_a_head_is_not_taken_for_a_later_process_of_its_number(tmp_path: Path) -> None:
    mine = local_cluster._born(os.getpid())
    assert Head(os.getpid(), mine, "", "").alive
    assert not Head(os.getpid(), "12345 another-boot", "", "").alive
    assert not Head(2**22 + 1, mine, "", "").alive


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")  # it may outlive us, on purpose
def test_a_ray_that_does_not_start_is_quoted_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = tmp_path / "ray"
    ray.write_text("#!/bin/sh\necho no room for an object store\nexit 1\n")
    ray.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    home = tmp_path / "home"
    folders = []
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Ray could not be started: no room for an object store"):
            local_cluster.ensure(home)
        folders.append(Path(json.loads((home / "ray.json").read_text())["folder"]))
    assert [folder.exists() for folder in folders] == [False, True]
    assert folders[1].stat().st_mode & 0o077 == 0
    local_cluster.shutil.rmtree(folders[1])


def test_a_token_is_found_where_ray_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ray_token() is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("of the user\n")
    assert ray_token() == "of the user"
    (tmp_path / "token").write_text("of the path")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert ray_token() == "of the path"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the variable")
    assert ray_token() == "of the variable"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ray_address": "auto"}, "ray_address"),
        ({"lease_seconds": 20.0}, "give more than twice that"),
        ({"max_running_jobs": 0}, "max_running_jobs"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.model_validate(given)
