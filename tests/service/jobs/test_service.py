"""The control plane over HTTP: what it stores, how its loop recovers, what its errors say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, inspect
from structlog.testing import capture_logs

from service.app import create_app
from service.core.job_state import JobState, may_follow
from service.jobs.reconciler import Reconciler
from service.ray.absence import OWN
from service.ray.client import Status
from service.settings import Settings
from service.store import jobs
from service.store.database import connect, downgrade, upgrade
from tests.support.databases import sqlite
from tests.support.documents import progress, prune_list
from tests.support.engines import HandEngine
from trainers.runs.directory import RunDirectory, write_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

SPEC: dict[str, Any] = {
    "name": "small",
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"},
    "features": [{"name": "age", "kind": "dense"}],
}
PRUNE_LIST = prune_list(passed=False, reason="auc fell")


class Plane:
    """The application, and its loop stepped by hand."""

    def __init__(self, home: Path) -> None:
        # The application's own loop is too slow to interfere; the test steps this one.
        sqlite(home)
        self.settings = Settings(home=home, poll_seconds=3600)
        self.engine = HandEngine()
        self.app = create_app(self.settings, self.engine, open_to_local=True)
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.loop = self.replica()

    def replica(self) -> Reconciler:
        return Reconciler(self.app.state.sessions, self.engine, self.settings, now=lambda: self.time)

    def directory(self, job_id: str, attempt: int = 1) -> RunDirectory:
        return RunDirectory(self.settings.run_directory(job_id, attempt))

    def end(self, job_id: str, attempt: int = 1) -> None:
        self.engine.states[f"{job_id}-{attempt}"] = Status.ENDED


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return Plane(tmp_path / "home")


@pytest.fixture
def http(plane: Plane) -> Iterator[TestClient]:
    client = TestClient(plane.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    yield client
    client.close()


def submit(http: TestClient, **changes: Any) -> str:
    answer = http.post("/v1/jobs", json={**SPEC, **changes})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_job_is_stored_before_it_is_accepted(http: TestClient, plane: Plane) -> None:
    answer = http.post("/v1/jobs", json=SPEC)
    assert answer.status_code == 202
    job = http.get(answer.headers["Location"]).json()
    assert (job["id"], job["state"], job["name"]) == (answer.json()["id"], "queued", "small")
    assert plane.engine.submitted == []
    assert [event["kind"] for event in http.get(answer.headers["Location"] + "/events").json()] == ["job.queued"]


def test_a_job_goes_through_its_life(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    assert plane.engine.submitted == [f"{job}-1"]
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "starting"
    directory = plane.directory(job)
    write_json(directory.progress, progress(step=5, total_steps=10))
    plane.loop.step()
    assert http.get(f"/v1/jobs/{job}").json()["progress"]["step"] == 5
    assert http.get(f"/v1/jobs/{job}/prune-list").status_code == 409
    write_json(directory.prune_list, PRUNE_LIST)
    plane.end(job)
    plane.loop.step()
    ended = http.get(f"/v1/jobs/{job}").json()
    assert (ended["state"], ended["reason"]) == ("succeeded", "auc fell")
    assert http.get(f"/v1/jobs/{job}/prune-list").json() == PRUNE_LIST
    moves = [event["data"]["to"] for event in http.get(f"/v1/jobs/{job}/events").json() if event["kind"] == "job.state"]
    assert moves == ["starting", "searching", "succeeded"]
    assert plane.loop.step() == 0


def test_a_run_without_a_list_failed_for_the_reason_it_left(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    plane.directory(job).record("failed", reason="label: 7 is neither 0 nor 1", fault="user")
    plane.end(job)
    plane.loop.step()
    found = http.get(f"/v1/jobs/{job}").json()
    assert (found["state"], found["reason"]) == ("failed", "label: 7 is neither 0 nor 1")


def test_an_engine_that_does_not_answer_ends_nothing(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    plane.engine.down = True
    plane.loop.step()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "starting"
    assert http.get("/readyz").status_code == 503
    plane.engine.down = False
    assert http.get("/readyz").status_code == 200


def test_no_attempt_begins_while_ray_is_away_and_it_is_said_once(http: TestClient, plane: Plane) -> None:
    plane.engine.down = True
    job = submit(http)
    with capture_logs() as logs:
        for _ in range(3):
            plane.loop.step()
    assert [(entry["event"], entry.get("problem")) for entry in logs] == [("ray is away", OWN)]
    waiting = http.get(f"/v1/jobs/{job}").json()
    assert (waiting["state"], waiting["attempt"], waiting["position"]) == ("queued", 0, 1)
    queue = http.get("/v1/queue").json()
    assert ([each["id"] for each in queue["jobs"]], queue["problem"]) == ([job], OWN)
    plane.engine.down = False
    with capture_logs() as logs:
        plane.loop.step()
        plane.loop.step()
    assert [entry["event"] for entry in logs] == ["job.state", "ray is back"]
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "starting"
    assert http.get("/v1/queue").json()["problem"] is None


def test_work_lost_with_its_ray_cluster_is_started_again(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    plane.engine.forget()
    plane.loop.step()
    waiting = http.get(f"/v1/jobs/{job}").json()
    assert (waiting["state"], waiting["failures"]) == ("queued", 1)
    assert plane.engine.submitted == [f"{job}-1"]
    plane.time += timedelta(seconds=10)
    plane.loop.step()
    assert plane.engine.submitted == [f"{job}-1", f"{job}-2"]
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "starting"


def test_a_replica_that_died_after_submitting_starts_nothing_twice(
    http: TestClient, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(http)
    monkeypatch.setattr("service.jobs.reconciler.fault_point", dies_at("start.submitted"))
    plane.loop.step()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "queued"
    monkeypatch.undo()
    plane.time += timedelta(seconds=31)
    write_json(
        plane.directory(job).progress,
        progress(step=1),
    )
    plane.replica().step()
    assert plane.engine.submitted == [f"{job}-1"]
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "searching"


def dies_at(point: str) -> Callable[[str], None]:
    def fault_point(here: str) -> None:
        if here == point:
            raise RuntimeError(f"died at {here}")

    return fault_point


def test_a_lease_keeps_other_replicas_away_until_it_expires(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    plane.end(job)
    plane.replica().step()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "starting"
    plane.time += timedelta(seconds=31)
    plane.replica().step()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "queued"


def test_cancel_stops_a_running_job_and_ends_a_queued_one(http: TestClient, plane: Plane) -> None:
    running = submit(http)
    plane.loop.step()
    queued = submit(http)
    for job in (running, queued):
        assert http.post(f"/v1/jobs/{job}/cancel").status_code == 202
    plane.loop.step()
    plane.loop.step()
    assert plane.engine.stopped == [f"{running}-1"]
    assert plane.engine.submitted == [f"{running}-1"]
    assert {http.get(f"/v1/jobs/{job}").json()["state"] for job in (running, queued)} == {"cancelled"}
    again = http.post(f"/v1/jobs/{running}/cancel")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:winnow:job-ended"


def test_jobs_are_listed_by_pages_and_state(http: TestClient, plane: Plane) -> None:
    made = [submit(http, name=f"job{i}") for i in range(5)]
    first = http.get("/v1/jobs", params={"limit": 2}).json()
    second = http.get("/v1/jobs", params={"limit": 2, "cursor": first["next"]}).json()
    third = http.get("/v1/jobs", params={"limit": 2, "cursor": second["next"]}).json()
    listed = [job["id"] for page in (first, second, third) for job in page["jobs"]]
    assert listed == made[::-1]
    assert third["next"] is None
    assert http.get("/v1/jobs", params={"state": "failed"}).json() == {"jobs": [], "next": None}


@pytest.mark.parametrize(
    ("body", "field", "word"),
    [
        ({**SPEC, "slector": {}}, "slector", "unknown key"),
        ({**SPEC, "features": [{"name": "a", "kind": "dense", "dim": 300}]}, "features.0.dim", "256"),
        ({**SPEC, "essential": ["nobody"]}, "body", "'nobody'"),
    ],
)
def test_a_bad_spec_is_answered_with_field_value_and_remedy(
    http: TestClient, body: dict[str, Any], field: str, word: str
) -> None:
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:winnow:invalid-request"
    assert (problem["errors"][0]["field"], word in problem["errors"][0]["message"]) == (field, True)
    assert http.get("/v1/jobs").json()["jobs"] == []


def test_every_error_is_a_problem_document(http: TestClient) -> None:
    for method, path, status in (
        ("GET", "/v1/jobs/none", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/jobs", 405),
        ("GET", "/v1/jobs?limit=0", 422),
    ):
        answer = http.request(method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_method_names_those_that_work_and_odd_text_is_answered(http: TestClient) -> None:
    assert "POST" in http.delete("/v1/jobs").headers["allow"]
    answer = http.post("/v1/jobs", content=b'{"name": "\\ud800"}', headers={"content-type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "a", "\\ud800": 1}',
        '{"name": "a", "essential": ["\\udfff"]}',
        '{"name": "a", "model": {"backbone": "\\ud800"}}',
        '{"name": "a", "features": [{"name": "x", "kind": "dense", "default": Infinity}]}',
        '{"name": "a", "features": [{"name": "x", "kind": "dense", "default": -1e999}]}',
        '{"name": "a", "prune": {"delta": NaN}}',
        '{"name": "a", "prune": {"delta": Infinity}}',
        '{"name": "a", "training": {"seed": NaN}}',
        '{"name": "a", "dataset": {"train": "/\\u0000", "validation": "/v", "test": "/t"}}',
        '{"name": "a", "dataset": {"train": "/\\ud800", "validation": "/v", "test": "/t"}}',
        '{"name": NaN}',
        "NaN",
        '"\\ud800"',
        "{",
        "",
    ],
)
def test_what_json_or_a_database_cannot_carry_is_refused(http: TestClient, body: str) -> None:
    rest = {"dataset": SPEC["dataset"], "features": SPEC["features"]}
    given = body
    if body.startswith('{"name": "a"'):
        missing = {key: value for key, value in rest.items() if f'"{key}"' not in body}
        given = body[:-1] + ", " + json.dumps(missing)[1:]
    answer = http.post("/v1/jobs", content=given, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]
    assert http.get("/v1/jobs").json()["jobs"] == []


def test_odd_paths_and_queries_are_answered(http: TestClient) -> None:
    for path in ("/v1/jobs/%00", "/v1/jobs/%ED%A0%80", "/v1/jobs/%FF/gates", "/%ED%A0%80"):
        assert http.get(path).status_code == 404
    assert http.get("/v1/jobs?state=%ED%A0%80").status_code == 422
    for body in ("[" * 100_000, "1" * 5000):
        answer = http.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_relative_paths_are_refused(http: TestClient) -> None:
    answer = http.post("/v1/jobs", json={**SPEC, "dataset": {**SPEC["dataset"], "train": "data/train"}})
    assert answer.status_code == 422
    assert "'data/train' is a relative path" in answer.json()["detail"]


def test_a_cancel_that_comes_after_the_result_loses_nothing(http: TestClient, plane: Plane) -> None:
    job = submit(http)
    plane.loop.step()
    http.post(f"/v1/jobs/{job}/cancel")
    write_json(plane.directory(job).prune_list, PRUNE_LIST)
    plane.end(job)
    plane.loop.step()
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "succeeded"


def test_metrics_count_jobs_and_requests(http: TestClient) -> None:
    submit(http)
    text = http.get("/metrics").text
    assert 'winnow_jobs{state="queued"} 1.0' in text
    assert 'winnow_http_requests_total{method="POST",route="/v1/jobs",status="2xx"} 1.0' in text


def test_a_restart_finds_what_was_stored(tmp_path: Path) -> None:
    first = Plane(tmp_path / "home")
    job = submit(TestClient(first.app, base_url="http://127.0.0.1"))
    first.loop.step()
    second = Plane(tmp_path / "home")
    second.engine.states = dict(first.engine.states)
    second.time += timedelta(minutes=1)
    write_json(second.directory(job).prune_list, PRUNE_LIST)
    second.end(job)
    second.loop.step()
    assert second.engine.submitted == []
    assert TestClient(second.app, base_url="http://127.0.0.1").get(f"/v1/jobs/{job}").json()["state"] == "succeeded"


def test_migrations_go_up_and_down(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    assert {"jobs", "events"} <= set(inspect(engine).get_table_names())
    downgrade(engine, "base")
    assert "jobs" not in inspect(engine).get_table_names()
    upgrade(engine)
    engine.dispose()


def test_states_follow_the_documented_order(tmp_path: Path) -> None:
    assert may_follow(JobState.QUEUED, JobState.STARTING)
    assert may_follow(JobState.SEARCHING, JobState.QUEUED)
    assert not may_follow(JobState.SEARCHING, JobState.STARTING)
    assert not may_follow(JobState.RANKING, JobState.SEARCHING)
    assert not any(may_follow(JobState.SUCCEEDED, state) for state in JobState)
    sessions = connect(f"sqlite:///{tmp_path / 'x.db'}")
    now = datetime.now(UTC)
    with sessions.begin() as session:
        job = jobs.create(session, SPEC, now)
        jobs.move(session, job, JobState.CANCELLED, now)
        with pytest.raises(jobs.IllegalMoveError, match="is cancelled; it can't become starting"):
            jobs.move(session, job, JobState.STARTING, now)
