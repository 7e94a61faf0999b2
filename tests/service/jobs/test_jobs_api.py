"""Jobs over HTTP: submitting once, filters and pages, the queue, retry and clone, logs; on both stores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.routers.logs import MOST_BYTES, redact
from service.core.job_state import JobState
from service.jobs.attempts import directory_of
from service.store import jobs, keys
from service.store.tables import Attempt
from tests.support.automatic import Plane, any_plane, on_either, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
DATA = {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"}
SPEC: dict[str, Any] = {"name": "small", "dataset": DATA, "features": [{"name": "age", "kind": "dense"}]}


def submit(plane: Plane, query: str = "", status: int = 202, spec: dict[str, Any] = SPEC, **headers: str) -> Any:
    return plane.call("POST", f"/v1/jobs{query}", status, spec, **headers)


def of_model(plane: Plane, status: int = 202, **body: Any) -> Any:
    return plane.call("POST", "jobs", status, body)


def listed(plane: Plane, query: str) -> list[str]:
    return [job["id"] for job in plane.call("GET", f"/v1/jobs?{query}", 200)["jobs"]]


def kinds(plane: Plane) -> list[str]:
    """Of the events of jobs."""
    return [event["kind"] for event in plane.call("GET", "/v1/events?kind=job.*", 200)]


def key_for(plane: Plane, scopes: list[str], model: str | None = None) -> dict[str, str]:
    with plane.sessions.begin() as session:
        made = keys.create(session, "k", scopes, plane.at, by="test", model=model)
    return {"Authorization": f"Bearer {made.secret}"}


def test_a_bare_spec_takes_its_options_from_the_query(either: Plane) -> None:
    job = submit(either, "?priority=7&dry_run=true&deadline_seconds=60&max_failures=1")
    found = either.job(job["id"])
    assert (found["priority"], found["dry_run"], found["max_failures"]) == (7, True, 1)
    assert found["deadline"] == "2026-01-01T12:01:00Z"
    assert (found["origin"], found["model"], found["position"], found["attempt"]) == ({"kind": "request"}, None, 1, 0)
    assert found["links"]["events"] == f"/v1/jobs/{job['id']}/events"
    spec = either.call("GET", f"/v1/jobs/{job['id']}/spec", 200)
    assert (spec["name"], spec["prune"]["threshold"]) == ("small", 0.5)
    assert either.call("GET", f"/v1/jobs/{job['id']}/attempts", 200) == []


def test_a_job_of_a_model_has_its_features_and_the_overrides(either: Plane) -> None:
    either.register("age")
    job = of_model(either, overrides={"training": {"seed": 3}}, priority=2)
    assert (job["model"], job["priority"], job["name"]) == ("ranker", 2, "ranker")
    spec = either.spec(job["id"])
    assert [feature["name"] for feature in spec["features"]] == ["user_id", "age"]
    assert spec["training"]["seed"] == 3
    assert "overrides" not in job
    for overrides, word in (({"features": []}, "model's features"), ({"training": {"sed": 1}}, "sed")):
        problem = of_model(either, 422, overrides=overrides)
        assert (problem["type"], word in problem["detail"]) == ("urn:winnow:invalid-spec", True)
    assert len(either.jobs()) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [("?priority=101", "priority"), ("?deadline_seconds=0", "deadline_seconds"), ("?colour=red", "colour")],
)
def test_an_option_that_cannot_be_used_is_refused(plane: Plane, query: str, field: str) -> None:
    problem = submit(plane, query, 422)
    assert problem["errors"][0]["field"].endswith(field)
    assert plane.jobs() == []


def test_places_outside_the_roots_are_refused(tmp_path: Path) -> None:
    plane = Plane(tmp_path, data_roots=("/data",)).begin()
    submit(plane)
    outside = {**SPEC, "dataset": {**DATA, "train": "/etc/passwd"}}
    assert submit(plane, status=422, spec=outside)["type"] == "urn:winnow:outside-roots"
    problem = of_model(plane, 422, overrides={"output": "s3://elsewhere/x"})
    assert problem["type"] == "urn:winnow:outside-roots"
    assert len(plane.jobs()) == 1
    plane.close()


def test_the_same_key_and_request_make_one_job(either: Plane) -> None:
    first = submit(either, **{"Idempotency-Key": "a"})
    answer = either.http.post("/v1/jobs", json=SPEC, headers={"Idempotency-Key": "a"})
    assert (answer.status_code, answer.json()["id"]) == (202, first["id"])
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.headers["Location"] == f"/v1/jobs/{first['id']}"
    for other in ("?priority=1", ""):
        spec = SPEC if other else {**SPEC, "name": "other"}
        problem = submit(either, other, 409, spec, **{"Idempotency-Key": "a"})
        assert problem["type"] == "urn:winnow:idempotency-conflict"
    assert submit(either, **{"Idempotency-Key": "b"})["id"] != first["id"]
    assert len(either.jobs()) == 2


def test_a_key_is_its_callers_own_and_lives_for_a_day(either: Plane) -> None:
    alice, bob = key_for(either, ["submit"]), key_for(either, ["submit"])
    first = submit(either, **alice, **{"Idempotency-Key": "a"})["id"]
    assert submit(either, **bob, **{"Idempotency-Key": "a"})["id"] != first
    either.pass_(hours=23, minutes=59)
    assert submit(either, **alice, **{"Idempotency-Key": "a"})["id"] == first
    either.pass_(minutes=2)
    later = submit(either, "?priority=1", **alice, **{"Idempotency-Key": "a"})["id"]
    assert later != first
    assert submit(either, "?priority=1", **alice, **{"Idempotency-Key": "a"})["id"] == later


def test_a_replay_stands_whatever_became_of_the_model(plane: Plane) -> None:
    """The model has gained a feature since: composed anew it would be another spec."""
    body = {"overrides": {}}
    first = plane.call("POST", "jobs", 202, body, **{"Idempotency-Key": "a"})
    plane.register("age")
    again = plane.call("POST", "jobs", 202, body, **{"Idempotency-Key": "a"})
    assert again["id"] == first["id"]


def test_duplicates_at_once_make_one_job(either: Plane) -> None:
    barrier = threading.Barrier(8, timeout=60)

    def send(_: int) -> httpx.Response:
        barrier.wait()
        return either.http.post("/v1/jobs", json=SPEC, headers={"Idempotency-Key": "a"})  # type: ignore[return-value]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["id"] for answer in answers} == {either.jobs()[0]["id"]}
    assert len(either.jobs()) == 1
    assert kinds(either) == ["job.queued"]


def test_jobs_are_filtered(either: Plane) -> None:
    one = submit(either, spec={**SPEC, "name": "first_job"})["id"]
    either.pass_(hours=1)
    two = submit(either, "?dry_run=true", spec={**SPEC, "name": "firstly"})["id"]
    either.pass_(hours=1)
    three = of_model(either)["id"]
    either.end(one, JobState.FAILED)
    retried = either.call("POST", f"/v1/jobs/{one}/retry", 202)["id"]
    for query, expected in (
        ("", [retried, three, two, one]),
        ("state=failed", [one]),
        ("state=failed&state=queued", [retried, three, two, one]),
        ("model=ranker", [three]),
        ("name=first_", [retried, one]),
        ("name=first", [retried, two, one]),
        ("origin=retry", [retried]),
        ("dry_run=true", [two]),
        ("dry_run=false&name=first", [retried, one]),
        ("submitted_by=local", [retried, three, two, one]),
        ("submitted_by=nobody", []),
        ("created_after=2026-01-01T12:30:00Z", [retried, three, two]),
        ("created_before=2026-01-01T14:30:00%2B01:00", [two, one]),
    ):
        assert listed(either, query) == expected, query


def test_pages_hold_their_place_while_jobs_come(either: Plane) -> None:
    made = [submit(either)["id"] for _ in range(5)]
    first = either.call("GET", "/v1/jobs?limit=2", 200)
    submit(either)
    second = either.call("GET", f"/v1/jobs?limit=2&cursor={first['next']}", 200)
    third = either.call("GET", f"/v1/jobs?limit=2&cursor={second['next']}", 200)
    pages = [[job["id"] for job in page["jobs"]] for page in (first, second, third)]
    assert pages == [[made[4], made[3]], [made[2], made[1]], [made[0]]]
    assert third["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        "created_after=0001-01-01T00:00:00%2B14:00",
        "created_after=2026-01-01",
        "name=%00",
        "model=%00",
        f"cursor={2**64}",
        "limit=201",
        "state=gone",
        "sort=name",
    ],
)
def test_a_filter_that_cannot_be_used_is_refused(either: Plane, query: str) -> None:
    assert either.call("GET", f"/v1/jobs?{query}", 422)["type"] == "urn:winnow:invalid-request"


def test_lists_leave_the_gates_out(plane: Plane) -> None:
    told = {"state": "running", "stage": "searching", "step": 5, "total_steps": 10, "attempt": 0}
    job = submit(plane)["id"]
    with plane.sessions.begin() as session:
        row = jobs.find(session, job)
        assert row is not None
        row.progress = {**told, "gates": {"age": 0.5}}
    assert plane.call("GET", "/v1/jobs", 200)["jobs"][0]["progress"] == told
    assert plane.job(job)["progress"]["gates"] == {"age": 0.5}


def test_the_queue_is_in_the_order_of_starting(either: Plane) -> None:
    low, high, model = submit(either)["id"], submit(either, "?priority=5")["id"], of_model(either, priority=1)["id"]
    started = submit(either, "?priority=9")["id"]
    with either.sessions.begin() as session:
        row = jobs.find(session, started)
        assert row is not None
        row.attempt = 1
        session.add(Attempt(job_id=started, number=1, token_hash="x", reports=0, started_at=either.at))
    queue = either.call("GET", "/v1/queue", 200)
    assert [(job["id"], job["position"]) for job in queue["jobs"]] == [(high, 1), (model, 2), (low, 3)]
    assert queue["limits"] == {"jobs": 2, "jobs_per_model": 1, "dry_runs": 2}
    page = either.call("GET", "/v1/queue?limit=1&cursor=1", 200)
    assert ([job["id"] for job in page["jobs"]], page["next"]) == ([model], 2)
    assert (either.job(started)["position"], either.job(low)["position"]) == (None, 3)
    assert [job["position"] for job in either.call("GET", "/v1/jobs", 200)["jobs"]] == [None, 2, 1, 3]
    assert either.call("GET", f"/v1/jobs/{started}/attempts", 200)[0]["outcome"] is None
    either.end(high)
    assert either.job(model)["position"] == 1


def test_a_caller_of_one_model_sees_that_alone(either: Plane) -> None:
    other = submit(either)["id"]
    own = of_model(either)["id"]
    key = key_for(either, ["submit"], "ranker")
    assert [job["id"] for job in either.call("GET", "/v1/jobs", 200, **key)["jobs"]] == [own]
    assert either.call("GET", "/v1/jobs?model=another", 200, **key)["jobs"] == []
    queue = either.call("GET", "/v1/queue", 200, **key)
    assert [(job["id"], job["position"]) for job in queue["jobs"]] == [(own, 2)]
    assert (queue["waiting"], queue["running"]) == (1, 0)
    for part in ("", "/spec", "/attempts", "/events", "/gates", "/logs", "/prune-list"):
        assert either.call("GET", f"/v1/jobs/{other}{part}", 404, **key)["type"] == "urn:winnow:job-not-found"
    for action in ("cancel", "retry"):
        either.call("POST", f"/v1/jobs/{other}/{action}", 404, **key)
    either.call("POST", f"/v1/jobs/{other}/clone", 404, {}, **key)
    assert submit(either, status=403, **key)["type"] == "urn:winnow:key-of-one-model"
    assert {event["model"] for event in either.call("GET", "/v1/events", 200, **key)} == {"ranker"}
    either.call("GET", "/v1/events?model=another", 404, **key)


def test_a_cancel_says_when_it_was_asked_for(either: Plane) -> None:
    job = submit(either)["id"]
    either.pass_(minutes=1)
    either.call("POST", f"/v1/jobs/{job}/cancel", 202)
    either.pass_(minutes=1)
    again = either.call("POST", f"/v1/jobs/{job}/cancel", 202)
    assert (again["cancel_requested"], again["cancel_requested_at"]) == (True, "2026-01-01T12:01:00Z")
    assert kinds(either) == ["job.queued", "job.cancel_requested"]


def test_a_retry_is_the_same_job_again(either: Plane) -> None:
    job = either.call(
        "POST", "jobs", 202, {"overrides": {"training": {"seed": 9}}, "priority": 4, "deadline_seconds": 600}
    )
    path = f"/v1/jobs/{job['id']}/retry"
    assert either.call("POST", path, 409)["type"] == "urn:winnow:not-retryable"
    either.end(job["id"], JobState.SUCCEEDED)
    either.call("POST", path, 409)
    other = submit(either)
    either.end(other["id"])
    origin = {"kind": "retry", "id": other["id"], "name": f"{other['name']} #{other['number']}"}
    assert either.call("POST", f"/v1/jobs/{other['id']}/retry", 202)["origin"] == origin
    failed = either.call("POST", "jobs", 202, {"priority": 4, "deadline_seconds": 600, "dry_run": True})
    either.end(failed["id"], JobState.FAILED)
    either.pass_(hours=2)
    again = either.call("POST", f"/v1/jobs/{failed['id']}/retry", 202, **{"Idempotency-Key": "r"})
    assert (again["model"], again["priority"], again["dry_run"]) == ("ranker", 4, True)
    assert again["deadline"] == "2026-01-01T14:10:00Z"
    assert either.spec(again["id"]) == either.spec(failed["id"])
    same = either.call("POST", f"/v1/jobs/{failed['id']}/retry", 202, **{"Idempotency-Key": "r"})
    assert same["id"] == again["id"]


def test_a_clone_differs_where_it_is_told_to(either: Plane) -> None:
    job = submit(either, "?priority=4&deadline_seconds=60")["id"]
    clone = either.call("POST", f"/v1/jobs/{job}/clone", 202, {"overrides": {"name": "again"}, "max_failures": 0})
    assert (clone["name"], clone["priority"], clone["max_failures"]) == ("again", 4, 0)
    assert (clone["origin"]["kind"], clone["origin"]["id"]) == ("clone", job)
    assert clone["deadline"] == "2026-01-01T12:01:00Z"
    endless = either.call("POST", f"/v1/jobs/{job}/clone", 202, {"deadline_seconds": None})
    assert endless["deadline"] is None
    bad = either.call("POST", f"/v1/jobs/{job}/clone", 422, {"overrides": {"dataset": None}})
    assert (bad["type"], "dataset" in bad["detail"]) == ("urn:winnow:invalid-spec", True)
    of_a_model = of_model(either)["id"]
    features = {"overrides": {"features": SPEC["features"]}}
    assert "model's features" in either.call("POST", f"/v1/jobs/{of_a_model}/clone", 422, features)["detail"]
    assert either.call("POST", f"/v1/jobs/{of_a_model}/clone", 202, {})["model"] == "ranker"


@pytest.mark.parametrize(
    "body", ['{"overrides": {"x": "\\u0000"}}', '{"overrides": {"\\ud800": 1}}', '{"overrides": {"x": NaN}}']
)
def test_overrides_that_no_store_takes_are_refused(either: Plane, body: str) -> None:
    job = submit(either)["id"]
    for place in ("/v1/models/ranker/jobs", f"/v1/jobs/{job}/clone"):
        answer = either.http.post(place, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["errors"] != []) == (422, True)
    for path in ("/v1/jobs/%00", "/v1/models/%00/jobs"):
        assert either.http.request("GET" if path.endswith("0") else "POST", path, json={}).status_code == 404


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_deep_overrides_are_answered(plane: Plane, depth: int) -> None:
    body = '{"overrides": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
    answer = plane.http.post("/v1/models/ranker/jobs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}


def test_a_log_is_read_from_its_end_and_followed(plane: Plane) -> None:
    job = submit(plane)["id"]
    path = f"/v1/jobs/{job}/logs"
    assert plane.call("GET", path, 200) == {"text": "", "offset": 0, "next": 0, "ended": False}
    with plane.sessions.begin() as session:
        row = jobs.find(session, job)
        assert row is not None
        row.attempt = 1
        log = directory_of(plane.settings, row).log
    log.parent.mkdir(parents=True)
    log.write_bytes("eins\nzwei\ndrei ü\nvie".encode())
    assert plane.call("GET", f"{path}?tail=2", 200)["text"] == "zwei\ndrei ü\n"
    first = plane.call("GET", path, 200)
    assert (first["text"], first["offset"]) == ("eins\nzwei\ndrei ü\n", 0)
    with log.open("a") as stream:
        stream.write("r\nfünf")
    second = plane.call("GET", f"{path}?offset={first['next']}", 200)
    assert second["text"] == "vier\n"
    plane.end(job)
    third = plane.call("GET", f"{path}?offset={second['next']}", 200)
    assert (third["text"], third["ended"]) == ("fünf", True)
    assert plane.call("GET", f"{path}?offset={third['next']}", 200)["text"] == ""
    assert plane.call("GET", f"{path}?offset={2**53}", 200)["text"] == ""


def test_a_long_log_comes_in_parts(plane: Plane) -> None:
    job = submit(plane)["id"]
    with plane.sessions.begin() as session:
        row = jobs.find(session, job)
        assert row is not None
        row.attempt = 1
        log = directory_of(plane.settings, row).log
    log.parent.mkdir(parents=True)
    whole = "".join(f"line {number} of many\n" for number in range(100_000)) + "x" * (MOST_BYTES + 5) + "\nend\n"
    log.write_text(whole)
    read, place = "", 0
    while part := plane.call("GET", f"/v1/jobs/{job}/logs?offset={place}", 200)["text"]:
        assert len(part) <= MOST_BYTES
        read, place = read + part, place + len(part)
    assert read == whole


def test_secrets_are_left_out_of_logs() -> None:
    text = (
        "reading s3://AKIA:sEcret@bucket/x\nAuthorization: Bearer abc.def\nwnw_12ab_c-d_e used\n"
        '{"password": "hunter2", "step": 5}\naws_secret_access_key=abc/def+ghi\ntokens: 12 rows of https://host/a@b\n'
    )
    shown = redact(text)
    for secret in ("sEcret", "abc.def", "12ab", "hunter2", "ghi"):
        assert secret not in shown
    assert "s3://***@bucket/x" in shown
    assert "tokens: 12 rows of https://host/a@b" in shown
    assert '"step": 5' in shown


def test_deadlines_are_counted_from_the_call(plane: Plane) -> None:
    plane.pass_(hours=5)
    job = submit(plane, "?deadline_seconds=1")
    with plane.sessions() as session:
        row = jobs.find(session, job["id"])
        assert row is not None
        assert row.deadline == plane.at + timedelta(seconds=1)
