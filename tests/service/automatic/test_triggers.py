"""Triggers: each kind fires and doesn't; what holds them back; what they record, explain and suppose."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from service.core.job_state import JobState
from service.schemas.conditions import Facts, QuietHours
from service.settings import Settings
from service.store import jobs, proposals, triggers
from service.store.tables import Trigger
from service.triggers.condition import Condition
from service.triggers.evaluator import Evaluator, TriggerDecision
from service.triggers.quiet_hours import is_quiet
from tests.support.automatic import Plane, any_plane, on_either, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)
from tests.support.documents import prune_list

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
CANDIDATES = {"kind": "candidates", "threshold": 3}


def make(plane: Plane, when: dict[str, Any], **changes: Any) -> str:
    return f"triggers/{plane.call('POST', 'triggers', 201, {'when': when, **changes})['id']}"


def evaluations(plane: Plane, trigger: str) -> list[tuple[bool, str]]:
    """Whether it fired and why, oldest first."""
    found = plane.call("GET", f"{trigger}/evaluations?limit=200", 200)["evaluations"]
    return [(each["fired"], each["reason"]) for each in found[::-1]]


def step(plane: Plane, **passing: float) -> None:
    plane.pass_(**(passing or {"minutes": 1}))
    plane.triggers.step()


# Candidates


def test_candidates_that_accumulated_start_a_selection(either: Plane) -> None:
    trigger = make(either, CANDIDATES, overrides={"training": {"seed": 5}}, cooldown_seconds=0)
    either.register("a", "b")
    step(either)
    assert either.jobs() == []
    either.register("c")
    step(either)
    [job] = either.jobs()
    origin = {"kind": "trigger", "id": trigger.rpartition("/")[2], "name": "3 new candidates"}
    assert (job["model"], job["origin"]) == ("ranker", origin)
    spec = either.spec(job["id"])
    assert (spec["training"]["seed"], [each["name"] for each in spec["features"]]) == (5, ["user_id", "a", "b", "c"])
    assert evaluations(either, trigger) == [
        (False, "2 candidates since the last selection, of 3 that start one"),
        (True, "3 candidates since the last selection, of 3 that start one"),
    ]
    [(kind, data)] = either.told("trigger")
    assert (kind, data["fired"], data["job"], data["observed"]) == (
        "trigger.evaluated",
        True,
        job["id"],
        {"candidates": 3},
    )


def test_candidates_count_from_the_last_selection(plane: Plane) -> None:
    """A selection that failed is none: the same candidates start another, once the first has ended."""
    trigger = make(plane, CANDIDATES, cooldown_seconds=0)
    plane.register("a", "b", "c")
    step(plane)
    step(plane)
    [first] = plane.jobs()
    plane.end(first["id"], JobState.FAILED)
    step(plane)
    second = plane.jobs()[-1]
    assert second["id"] != first["id"]
    plane.end(second["id"], JobState.SUCCEEDED)
    step(plane)
    assert evaluations(plane, trigger)[-1] == (False, "0 candidates since the last selection, of 3 that start one")
    plane.pass_(minutes=1)
    plane.register("d", "e", "f")
    step(plane)
    assert len(plane.jobs()) == 3


def test_a_feature_that_becomes_a_candidate_again_counts_again(plane: Plane) -> None:
    make(plane, {"kind": "candidates", "threshold": 1}, cooldown_seconds=0)
    plane.register("a")
    step(plane)
    plane.end(plane.jobs()[0]["id"], JobState.SUCCEEDED)
    body = {"features": ["a"], "status": "retired", "reason": "not ready"}
    plane.call("POST", "features/status", 200, body)
    step(plane)
    plane.call("POST", "features/status", 200, {**body, "status": "candidate", "reason": "mended"})
    assert len(plane.jobs()) == 1
    step(plane)
    assert len(plane.jobs()) == 2


def roll_back(plane: Plane, decisions: dict[str, str]) -> None:
    """A selection's list becomes active, and is taken back."""
    job_id = plane.jobs()[-1]["id"]
    with plane.sessions.begin() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        job.prune_list = prune_list(decisions)
        published = proposals.propose(session, job, plane.at)
        assert published is not None
        number = published.number
    for act in (f"prune-lists/{number}/approve", f"prune-lists/{number}/activate", "prune-list/rollback"):
        plane.pass_(minutes=1)
        plane.call("POST", act, 200, {})


def test_what_a_rollback_makes_a_candidate_again_starts_nothing(plane: Plane) -> None:
    trigger = make(plane, {"kind": "candidates", "threshold": 2}, cooldown_seconds=0)
    plane.register("a", "b")
    step(plane)
    plane.end(plane.jobs()[0]["id"], JobState.SUCCEEDED)
    roll_back(plane, {"user_id": "keep", "a": "keep", "b": "prune"})
    listed = plane.call("GET", "features?status=candidate", 200)["features"]
    assert [feature["name"] for feature in listed] == ["a", "b"]
    step(plane, hours=30)
    assert len(plane.jobs()) == 1
    reason = "0 candidates since the last selection, of 2 that start one"
    assert evaluations(plane, trigger)[-1] == (False, reason)
    again = {"features": ["a", "b"], "status": "retired", "reason": "not yet"}
    plane.call("POST", "features/status", 200, again)
    plane.call("POST", "features/status", 200, {**again, "status": "candidate"})
    step(plane)
    assert len(plane.jobs()) == 2, "someone put them back"


def test_two_triggers_that_see_the_same_candidates_start_one_selection(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has observed the candidates before the first's job is stored."""
    first, second = (make(plane, {"kind": "candidates", "threshold": 1}, cooldown_seconds=0) for _ in range(2))
    plane.register("a")
    inner = plane.triggers._decide

    def decide(trigger: Trigger, condition: Condition[Any], facts: Facts, now: datetime) -> TriggerDecision:
        return inner(trigger, condition, Facts(candidates=1), now)

    monkeypatch.setattr(plane.triggers, "_decide", decide)
    step(plane)
    assert len(plane.jobs()) == 1
    assert [evaluations(plane, each)[-1][0] for each in (first, second)] == [True, False]


def test_the_default_is_thirty(plane: Plane) -> None:
    assert plane.call("POST", "triggers", 201, {"when": {"kind": "candidates"}})["when"]["threshold"] == 30


# Latency


def test_reported_latency_over_its_maximum_starts_a_selection(either: Plane) -> None:
    when = {"kind": "latency", "max_seconds": 0.05, "window_seconds": 300, "min_reports": 3}
    trigger = make(either, when)
    for p99 in (0.2, 0.2):
        either.call("POST", "latency", 201, {"p99_seconds": p99})
    step(either)
    assert evaluations(either, trigger)[-1] == (False, "fewer than 3 reports within 300 s")
    for p99 in (0.01, 0.04, 0.04):
        either.call("POST", "latency", 201, {"p99_seconds": p99})
    step(either)
    assert evaluations(either, trigger)[-1] == (False, "p99 is not over its maximum of 0.05 s")
    for p99 in (0.06, 0.07):
        either.call("POST", "latency", 201, {"p99_seconds": p99})
    step(either)
    assert evaluations(either, trigger)[-1] == (True, "p99 is over its maximum of 0.05 s")
    newest = either.call("GET", f"{trigger}/evaluations?limit=1", 200)["evaluations"][0]
    assert newest["observed"] == {"p99_seconds": 0.06, "max_seconds": 0.05, "reports": 7}
    assert len(either.jobs()) == 1


def test_reports_leave_the_window(plane: Plane) -> None:
    trigger = make(plane, {"kind": "latency", "max_seconds": 0.05, "window_seconds": 300, "min_reports": 1})
    plane.call("POST", "latency", 201, {"p99_seconds": 1})
    step(plane, minutes=5)
    assert evaluations(plane, trigger)[-1][0] is False
    plane.call("POST", "latency", 201, {"p99_seconds": 1, "time": (plane.at - timedelta(minutes=2)).isoformat()})
    step(plane)
    assert evaluations(plane, trigger)[-1][0] is True


def test_a_report_tells_of_the_past_day(plane: Plane) -> None:
    for passed, status in ((timedelta(0), 201), (timedelta(hours=25), 422), (-timedelta(minutes=2), 422)):
        plane.call("POST", "latency", status, {"p99_seconds": 0.1, "time": (plane.at - passed).isoformat()})
    for wrong in (0, -1, 1e300, "x", None):
        plane.call("POST", "latency", 422, {"p99_seconds": wrong})
    plane.pass_(days=8)
    plane.call("POST", "latency", 201, {"p99_seconds": 0.2})
    assert [each["p99_seconds"] for each in plane.call("GET", "latency", 200)["reports"]] == [0.2]


class Prometheus:
    """Speaks the instant query of Prometheus' HTTP API, with the answers a test gives."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked: list[str] = []
        self.delay = 0.0
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                mine.asked.append(parse_qs(body)["query"][0])
                time.sleep(mine.delay)
                code = 200 if not isinstance(mine.answer, dict) or mine.answer.get("status") != "error" else 400
                content = mine.answer if isinstance(mine.answer, bytes) else json.dumps(mine.answer).encode()
                self.send_response(code if self.path == "/prom/api/v1/query" else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/prom/"

    def gives(self, *values: str) -> None:
        result = [{"metric": {"pod": str(number)}, "value": [1.7e9, value]} for number, value in enumerate(values)]
        self.answer = {"status": "success", "data": {"resultType": "vector", "result": result}}

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    made = Prometheus()
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path, url: str) -> Iterator[Plane]:
    """With a database of its own, SQLite or PostgreSQL, for threads that race."""
    made = Plane(tmp_path, url).begin()
    yield made
    made.close()


@pytest.fixture
def measured(tmp_path: Path, prometheus: Prometheus) -> Iterator[Plane]:
    made = Plane(tmp_path, prometheus_url=prometheus.url, observe_seconds=1.0).begin()
    yield made
    made.close()


QUERY = {"kind": "latency", "max_seconds": 0.05, "query": "histogram_quantile(0.99, x)"}
SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1.7e9, "0.07"]}}
MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": []}}


def test_latency_is_asked_of_prometheus(measured: Plane, prometheus: Prometheus) -> None:
    trigger = make(measured, QUERY, cooldown_seconds=0)
    prometheus.gives("0.049")
    step(measured)
    prometheus.gives("0.051")
    step(measured)
    prometheus.answer = SCALAR
    measured.end(measured.jobs()[0]["id"])
    step(measured)
    assert [fired for fired, _ in evaluations(measured, trigger)] == [False, True, True]
    assert prometheus.asked == [QUERY["query"]] * 3


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1"])
def test_a_query_without_a_value_starts_nothing(measured: Plane, prometheus: Prometheus, value: str) -> None:
    trigger = make(measured, QUERY)
    prometheus.gives(value)
    step(measured)
    prometheus.gives()
    step(measured)
    assert evaluations(measured, trigger) == [(False, "the query has no value now")]
    assert measured.told("trigger") == []


def test_a_query_that_fails_is_recorded_and_starts_nothing(measured: Plane, prometheus: Prometheus) -> None:
    trigger = make(measured, QUERY)
    answers: list[tuple[Any, str]] = [
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "refuses the query: parse error"),
        (b"<html>", "isn't its API's JSON"),
        (b"[1", "isn't its API's JSON"),
        ({"status": "success", "data": {"resultType": "vector", "result": [{"value": "x"}]}}, "isn't its API's JSON"),
        ({"status": "success", "data": 5}, "isn't its API's JSON"),
        (MATRIX, "gives a matrix"),
        (b" " * (2 << 20), "gives too much"),
    ]
    for answer, word in answers:
        prometheus.answer = answer
        step(measured)
        fired, reason = evaluations(measured, trigger)[-1]
        assert not fired
        assert word in reason, (answer, reason)
    prometheus.gives("1", "2")
    step(measured)
    assert "gives 2 series" in evaluations(measured, trigger)[-1][1]
    prometheus.gives("9")
    prometheus.delay = 1.5
    step(measured)
    assert evaluations(measured, trigger)[-1][1] in ("Prometheus doesn't answer: ReadTimeout", "no answer within 1 s")
    prometheus.delay = 0.0
    kinds = [data["fired"] for _, data in measured.told("trigger")]
    assert kinds == [False] * (len({word for _, word in answers}) + 2)
    assert measured.jobs() == []
    step(measured)
    assert evaluations(measured, trigger)[-1][0] is True


def test_a_query_needs_a_prometheus(plane: Plane) -> None:
    assert "WINNOW_PROMETHEUS_URL" in plane.call("POST", "triggers", 422, {"when": QUERY})["detail"]


def test_a_prometheus_that_is_gone_is_recorded(tmp_path: Path, prometheus: Prometheus) -> None:
    plane = Plane(tmp_path, prometheus_url="http://127.0.0.1:9").begin()
    trigger = make(plane, QUERY)
    step(plane)
    assert evaluations(plane, trigger) == [(False, "Prometheus doesn't answer: ConnectError")]
    plane.close()


# Freshness


def test_a_new_partition_starts_a_selection_over_it(either: Plane, tmp_path: Path) -> None:
    clicks = tmp_path / "clicks"
    overrides = {"dataset": {"train": "{partition}"}}
    trigger = make(either, {"kind": "freshness", "pattern": f"{clicks}/dt=*"}, overrides=overrides, cooldown_seconds=0)
    step(either)  # the folder isn't there yet
    step(either)
    assert [reason for _, reason in evaluations(either, trigger)] == [
        "first look; what is there is known",
        "no partition yet",
    ]
    (clicks / "dt=2026-01-01").mkdir(parents=True)
    (clicks / "_temporary").mkdir()
    step(either)
    [job] = either.jobs()
    assert either.spec(job["id"])["dataset"]["train"] == f"{clicks}/dt=2026-01-01"
    either.end(job["id"])
    (clicks / "dt=2025-12-31").mkdir()  # an old one that came late
    step(either)
    assert len(either.jobs()) == 1
    for day in ("02", "03"):
        (clicks / f"dt=2026-01-{day}").mkdir()
    step(either)
    assert either.spec(either.jobs()[-1]["id"])["dataset"]["train"] == f"{clicks}/dt=2026-01-03"
    assert len(either.jobs()) == 2


def test_partitions_that_are_there_already_start_nothing(plane: Plane, tmp_path: Path) -> None:
    (tmp_path / "dt=1").mkdir()
    trigger = make(plane, {"kind": "freshness", "pattern": f"{tmp_path}/dt=*"})
    step(plane)
    step(plane)
    assert plane.jobs() == []
    assert plane.call("GET", trigger, 200)["state"] == {"partition": "dt=1"}


def test_a_partition_counts_once_its_marker_is_there(plane: Plane, tmp_path: Path) -> None:
    make(plane, {"kind": "freshness", "pattern": f"{tmp_path}/dt=*", "marker": "_SUCCESS"})
    step(plane)
    (tmp_path / "dt=1").mkdir()
    (tmp_path / "dt=2").mkdir()
    (tmp_path / "dt=1" / "_SUCCESS").touch()
    step(plane)
    assert len(plane.jobs()) == 1
    plane.end(plane.jobs()[0]["id"])
    step(plane, hours=2)
    assert len(plane.jobs()) == 1
    (tmp_path / "dt=2" / "_SUCCESS").touch()
    step(plane)
    assert len(plane.jobs()) == 2


def test_a_partition_that_comes_in_quiet_hours_waits_for_their_end(plane: Plane, tmp_path: Path) -> None:
    quiet = {"start": "12:00", "end": "13:00"}
    trigger = make(plane, {"kind": "freshness", "pattern": f"{tmp_path}/dt=*"}, quiet_hours=quiet)
    step(plane)
    (tmp_path / "dt=1").mkdir()
    step(plane)
    assert evaluations(plane, trigger)[-1][1] == "new partition dt=1; but quiet hours are from 12:00 to 13:00 (UTC)"
    assert plane.jobs() == []
    step(plane, hours=1)
    assert len(plane.jobs()) == 1


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("/data/clicks", "can't be listed"),
        ("/data/*/dt=1", "can't be listed"),
        ("dt=*", "can't be listed"),
        ("data/dt=*", "relative path"),
        ("/data/../etc/*", ".."),
        ("file:///etc/*", "none of the roots"),
        ("/data/\0/*", "can't be listed"),
    ],
)
def test_patterns_that_are_refused(plane: Plane, pattern: str, word: str) -> None:
    problem = plane.call("POST", "triggers", 422, {"when": {"kind": "freshness", "pattern": pattern}})
    assert word in json.dumps(problem)


def test_a_folder_that_cannot_be_listed_is_recorded(plane: Plane, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    trigger = make(plane, {"kind": "freshness", "pattern": f"{tmp_path}/file/*"})
    step(plane)
    [(fired, reason)] = evaluations(plane, trigger)
    assert not fired
    assert "can't be listed" in reason
    assert [data["fired"] for _, data in plane.told("trigger")] == [False]


# By hand


def test_a_manual_trigger_fires_when_asked_and_only_then(either: Plane) -> None:
    trigger = make(either, {"kind": "manual"}, overrides={"dataset": {"train": "{partition}"}})
    step(either)
    assert evaluations(either, trigger) == []
    assert either.call("POST", f"{trigger}/fire", 422)["type"] == "urn:winnow:no-partition"
    fired = either.call("POST", f"{trigger}/fire", 202, {"partition": "/data/dt=1"})
    assert (fired["fired"], fired["reason"]) == (True, "fired by local")
    assert either.spec(fired["job_id"])["dataset"]["train"] == "/data/dt=1"
    assert (
        "hasn't ended"
        in either.call("POST", f"{trigger}/fire", 409, {"partition": "/data/dt=2", "force": True})["detail"]
    )
    either.end(fired["job_id"])
    assert "cooldown" in either.call("POST", f"{trigger}/fire", 409, {"partition": "/data/dt=2"})["detail"]
    either.call("POST", f"{trigger}/fire", 202, {"partition": "/data/dt=2", "force": True})
    assert len(either.jobs()) == 2
    assert "relative" in either.call("POST", f"{trigger}/fire", 422, {"partition": "dt=3"})["detail"]


def test_any_trigger_can_be_fired_unless_disabled(plane: Plane) -> None:
    trigger = make(plane, CANDIDATES, enabled=False)
    assert "disabled" in plane.call("POST", f"{trigger}/fire", 409)["detail"]
    plane.call("PATCH", trigger, 200, {"enabled": True, "dry_run": True})
    assert plane.call("POST", f"{trigger}/fire", 202)["job_id"] is None
    assert plane.jobs() == []


def test_many_who_fire_at_once_start_one_job(fresh: Plane) -> None:
    plane = fresh
    trigger = make(plane, {"kind": "manual"}, cooldown_seconds=0)
    with ThreadPoolExecutor(6) as pool:
        path = f"/v1/models/ranker/{trigger}/fire"
        codes = list(pool.map(lambda _: plane.http.post(path).status_code, range(6)))
    assert sorted(codes) == [202] + [409] * 5
    assert len(plane.jobs()) == 1


# What holds a trigger back


def test_cooldown(either: Plane) -> None:
    trigger = make(either, {"kind": "candidates", "threshold": 1}, cooldown_seconds=3600)
    either.register("a")
    step(either)
    either.end(either.jobs()[0]["id"])  # cancelled: its candidates count again
    step(either)
    reason = "1 candidates since the last selection, of 1 that start one; but cooldown is until 2026-01-01T13:01:00Z"
    assert evaluations(either, trigger)[-1] == (False, reason)
    step(either, minutes=58, seconds=59)
    assert len(either.jobs()) == 1
    step(either, minutes=1, seconds=1)
    assert len(either.jobs()) == 2


def test_no_second_job_beside_one_that_has_not_ended(plane: Plane) -> None:
    trigger = make(
        plane, {"kind": "latency", "max_seconds": 0.01, "min_reports": 1, "window_seconds": 86400}, cooldown_seconds=0
    )
    plane.call("POST", "latency", 201, {"p99_seconds": 1})
    step(plane)
    step(plane)
    [job] = plane.jobs()
    assert job["id"] in evaluations(plane, trigger)[-1][1]
    plane.end(job["id"])
    step(plane)
    assert len(plane.jobs()) == 2


@pytest.mark.parametrize(
    ("quiet", "local", "covered"),
    [
        ({}, "2026-01-05T21:59:59+01:00", False),  # a Monday
        ({}, "2026-01-05T22:00:00+01:00", True),
        ({}, "2026-01-06T05:59:59+01:00", True),
        ({}, "2026-01-06T06:00:00+01:00", False),
        ({"days": ["mon"]}, "2026-01-06T05:00:00+01:00", True),  # Tuesday's morning is Monday's night
        ({"days": ["mon"]}, "2026-01-05T05:00:00+01:00", False),
        ({"days": ["mon"]}, "2026-01-06T23:00:00+01:00", False),
        ({"start": "09:00", "end": "17:00", "days": ["mon"]}, "2026-01-05T12:00:00+01:00", True),
        ({"start": "09:00", "end": "17:00", "days": ["mon"]}, "2026-01-06T12:00:00+01:00", False),
        ({"start": "09:00", "end": "17:00"}, "2026-01-05T17:00:00+01:00", False),
        # 29 March 2026, 02:00 becomes 03:00: the hours begin within the gap, and end after it.
        ({"start": "02:30", "end": "04:00"}, "2026-03-29T01:59:59+01:00", False),
        ({"start": "02:30", "end": "04:00"}, "2026-03-29T03:00:00+02:00", True),
        ({"start": "02:30", "end": "04:00"}, "2026-03-29T04:00:00+02:00", False),
        ({"start": "22:00", "end": "02:30"}, "2026-03-29T03:00:00+02:00", False),
        # 25 October 2026, 03:00 becomes 02:00: quiet by the wall clock, both times.
        ({"start": "22:00", "end": "02:30"}, "2026-10-25T02:15:00+02:00", True),
        ({"start": "22:00", "end": "02:30"}, "2026-10-25T02:45:00+02:00", False),
        ({"start": "22:00", "end": "02:30"}, "2026-10-25T02:15:00+01:00", True),
        ({"start": "22:00", "end": "06:00"}, "2026-10-25T05:59:00+01:00", True),
        ({"start": "22:00", "end": "06:00"}, "2026-10-25T06:00:00+01:00", False),
    ],
)
def test_quiet_hours(quiet: dict[str, Any], local: str, covered: bool) -> None:
    hours = QuietHours(**{"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin", **quiet})
    assert is_quiet(hours, datetime.fromisoformat(local).astimezone(UTC)) is covered


def test_dry_run_records_and_starts_nothing(plane: Plane) -> None:
    trigger = make(plane, CANDIDATES, dry_run=True)
    plane.register("a", "b", "c")
    step(plane)
    step(plane)
    [would, held] = evaluations(plane, trigger)
    assert (would[0], held[0], "cooldown" in held[1]) == (True, False, True)
    assert [(data["dry_run"], data["job"]) for _, data in plane.told("trigger")] == [(True, None)]
    assert plane.jobs() == []
    plane.call("PATCH", trigger, 200, {"dry_run": False})
    step(plane)
    assert len(plane.jobs()) == 1


def test_a_disabled_trigger_is_not_evaluated(plane: Plane) -> None:
    trigger = make(plane, {"kind": "candidates", "threshold": 1}, enabled=False)
    plane.register("a")
    step(plane)
    assert evaluations(plane, trigger) == []
    assert plane.call("POST", f"{trigger}/evaluate", 200)["fires"] is False
    plane.call("PATCH", trigger, 200, {"enabled": True})
    step(plane)
    assert len(plane.jobs()) == 1


# Records


def test_an_evaluation_is_recorded_when_it_changes_and_once_an_hour(plane: Plane) -> None:
    trigger = make(plane, CANDIDATES)
    for _ in range(125):
        step(plane)
    assert len(evaluations(plane, trigger)) == 3
    plane.register("a")
    step(plane)
    assert len(evaluations(plane, trigger)) == 4
    first = plane.call("GET", f"{trigger}/evaluations?limit=3", 200)
    rest = plane.call("GET", f"{trigger}/evaluations?limit=3&cursor={first['next']}", 200)
    numbers = [each["number"] for each in first["evaluations"] + rest["evaluations"]]
    assert numbers == sorted(numbers, reverse=True)
    assert (len(numbers), rest["next"]) == (4, None)
    assert plane.call("GET", f"{trigger}/evaluations?fired=true", 200)["evaluations"] == []


def test_an_evaluation_takes_place_once_a_minute_whoever_steps(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    make(plane, CANDIDATES)
    other = Evaluator(plane.sessions, plane.settings, lambda: plane.at)
    seen = []
    monkeypatch.setattr(triggers, "candidates", lambda session, model: seen.append(plane.at) or 0)
    for _ in range(120):
        plane.pass_(seconds=1)
        plane.triggers.step()
        other.step()
    assert len(seen) == 2


def test_no_job_can_be_made_is_an_error_that_is_told(plane: Plane) -> None:
    trigger = make(plane, {"kind": "candidates", "threshold": 1})
    with plane.sessions.begin() as session:  # as an earlier version took it
        stored = triggers.find(session, "ranker", trigger.rpartition("/")[2])
        assert stored is not None
        stored.overrides = {"training": {"epochs": "many"}}
    plane.register("a")
    step(plane)
    [(fired, reason)] = evaluations(plane, trigger)
    assert not fired
    assert "training.epochs" in reason
    assert [data["reason"] for _, data in plane.told("trigger")] == [reason]
    plane.call("PATCH", trigger, 200, {"overrides": {}})
    step(plane)
    assert len(plane.jobs()) == 1


def test_replicas_that_race_start_one_job(fresh: Plane) -> None:
    plane = fresh
    make(plane, {"kind": "candidates", "threshold": 1}, cooldown_seconds=0)
    plane.register("a")
    plane.pass_(minutes=1)
    replicas = [Evaluator(plane.sessions, plane.settings, lambda: plane.at) for _ in range(6)]
    barrier = threading.Barrier(6, timeout=60)

    def work(replica: Evaluator) -> None:
        barrier.wait()
        replica.step()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, replicas))
    assert len(plane.jobs()) == 1
    assert len(plane.told("trigger")) == 1


def test_what_was_seen_before_a_change_or_past_the_lease_is_dropped(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = make(plane, {"kind": "candidates", "threshold": 1})
    plane.register("a")
    judged = Evaluator._decide
    meanwhile: list[Any] = [
        lambda: plane.call("PATCH", trigger, 200, {"when": {"kind": "candidates", "threshold": 9}}),
        lambda: plane.pass_(seconds=31),
        lambda: plane.call("DELETE", trigger, 204),
    ]

    def slow(self: Evaluator, *given: Any) -> Any:
        verdict = judged(self, *given)
        meanwhile.pop(0)()
        return verdict

    monkeypatch.setattr(Evaluator, "_decide", slow)
    step(plane)
    plane.call("PATCH", trigger, 200, {"when": {"kind": "candidates", "threshold": 1}})
    step(plane)
    step(plane)
    assert meanwhile == []
    assert plane.jobs() == []


# Explanations and suppositions


def test_a_trigger_explains_itself_and_records_nothing(plane: Plane) -> None:
    quiet = {"start": "11:00", "end": "13:00", "timezone": "UTC"}
    trigger = make(plane, CANDIDATES, quiet_hours=quiet)
    plane.register("a")
    told = plane.call("POST", f"{trigger}/evaluate", 200)
    assert told["fires"] is False
    assert told["observed"] == {"candidates": 1}
    assert [(check["name"], check["passed"]) for check in told["checks"]] == [
        ("enabled", True),
        ("condition", False),
        ("quiet_hours", False),
        ("cooldown", True),
        ("running_job", True),
    ]
    supposed = {"candidates": 3, "time": "2026-01-01T13:00:00Z"}
    assert plane.call("POST", f"{trigger}/evaluate", 200, supposed)["fires"] is True
    assert (
        plane.call("POST", f"{trigger}/evaluate", 200, {**supposed, "fired_at": "2026-01-01T12:30:00Z"})["fires"]
        is False
    )
    assert plane.call("POST", f"{trigger}/evaluate", 200, {**supposed, "running_job": "job-1"})["fires"] is False
    assert evaluations(plane, trigger) == []
    assert plane.jobs() == []


def test_what_if(plane: Plane, tmp_path: Path) -> None:
    def ask(when: dict[str, Any], facts: dict[str, Any], **changes: Any) -> tuple[bool, str]:
        body = {"trigger": {"when": when, **changes}, "facts": facts}
        told = plane.call("POST", "triggers/what-if", 200, body)
        return told["fires"], told["reason"]

    latency = {"kind": "latency", "max_seconds": 0.05}
    freshness = {"kind": "freshness", "pattern": f"{tmp_path}/dt=*"}
    assert ask(CANDIDATES, {}) == (False, "0 candidates since the last selection, of 3 that start one")
    assert ask(CANDIDATES, {"candidates": 31})[0] is True
    assert ask(latency, {"p99_seconds": 0.06, "reports": 5})[0] is True
    assert ask(latency, {"p99_seconds": 0.06, "reports": 1})[0] is False
    assert ask(freshness, {"last_partition": ""}) == (False, "no partition yet")
    assert ask(freshness, {"last_partition": "dt=1", "partition": "dt=2"}) == (True, "new partition dt=2")
    assert ask({"kind": "manual"}, {}) == (False, "fires only when asked to")
    assert ask(CANDIDATES, {"candidates": 3}, enabled=False)[0] is False
    assert plane.call("GET", "triggers", 200)["triggers"] == []
    plane.call("POST", "triggers/what-if", 422, {"trigger": {"when": CANDIDATES}, "facts": {"mood": "good"}})
    assert plane.jobs() == []


def test_an_explanation_says_what_fails(measured: Plane, prometheus: Prometheus) -> None:
    prometheus.answer = b"?"
    told = measured.call("POST", "triggers/what-if", 200, {"trigger": {"when": QUERY}})
    assert (told["fires"], told["checks"]) == (False, [])
    assert "isn't its API's JSON" in told["error"]
    supposed = {"trigger": {"when": QUERY}, "facts": {"p99_seconds": 0.06}}
    assert measured.call("POST", "triggers/what-if", 200, supposed)["fires"] is True


# The resource


def test_changes(plane: Plane, tmp_path: Path) -> None:
    trigger = make(plane, {"kind": "freshness", "pattern": f"{tmp_path}/dt=*"})
    step(plane)
    assert plane.call("GET", trigger, 200)["state"] == {"partition": ""}
    assert plane.http.get(f"/v1/models/ranker/{trigger}").headers["etag"].startswith('"1.')
    changed = plane.call("PATCH", trigger, 200, {"cooldown_seconds": 60}, **{"If-Match": '"1"'})
    assert (changed["version"], changed["state"]) == (2, {"partition": ""})
    plane.call("PATCH", trigger, 412, {"enabled": False}, **{"If-Match": '"1"'})
    assert plane.call("PATCH", trigger, 200, {"when": CANDIDATES})["state"] == {}
    for wrong in (
        {"when": {"kind": "moon"}},
        {"when": None},
        {"cooldown_seconds": -1},
        {"overrides": {"features": []}},
        {"quiet_hours": {"start": "25:00", "end": "06:00"}},
        {"quiet_hours": {"start": "06:00", "end": "06:00"}},
    ):
        plane.call("PATCH", trigger, 422, wrong)
    plane.call("PATCH", trigger, 200, {"quiet_hours": {"start": "05:00", "end": "06:00"}})
    assert plane.call("PATCH", trigger, 200, {"quiet_hours": None})["quiet_hours"] is None
    plane.call("DELETE", trigger, 204)
    plane.call("GET", trigger, 404)
    plane.call("GET", "triggers/none/evaluations", 404)


def test_a_lease_outlasts_a_look() -> None:
    with pytest.raises(ValueError, match="observe_seconds"):
        Settings(lease_seconds=30, observe_seconds=30)
