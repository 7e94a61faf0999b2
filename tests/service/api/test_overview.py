"""`GET /v1/overview`: many models at once, each as it stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.core.job_state import JobState
from service.store import jobs
from service.store.tables import Job, PublishedList, TriggerEvaluation
from tests.support.automatic import NOON, SPEC, Plane, any_plane, on_either, on_sqlite, sqlite_plane  # noqa: F401
from tests.support.documents import prune_list
from tests.support.inhabited import OWN, secret, service
from trainers.runs.prune_list import Totals

BEFORE = {"features": 4, "dims": 40, "embedding_bytes": 4000, "bytes_per_example": 160.0}
AFTER = {"features": 3, "dims": 10, "embedding_bytes": 1000, "bytes_per_example": 40.0}


def publish(plane: Plane, number: int, *, guard: bool = True, **more: Any) -> int:
    made = prune_list({}, passed=guard, before=Totals(**BEFORE), after=Totals(**AFTER))
    content = {**made, "id": f"{number}" * 64}
    values: dict[str, Any] = {"state": "proposed", "proposed_at": plane.at, "submitted_by": "team", **more}
    with plane.sessions.begin() as session:
        made = PublishedList(
            model="ranker", list_id=f"{number}" * 64, job_id=f"job-{number}", content=content,
            verdict="passed" if guard else "failed", decisions_id=f"{number}" * 64,
            **values,
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.number


def overview(plane: Plane, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = plane.call("GET", f"/v1/overview{query}", 200)
    return found


def alerts(plane: Plane) -> list[tuple[str, str]]:
    return [(alert["kind"], alert["subject"]) for alert in overview(plane)["alerts"]]


def test_a_model_stands_with_its_lists_candidates_and_next_start(either: Plane) -> None:
    either.register("age", "clip", "genre")
    for threshold, enabled in ((30, True), (5, True), (1, False)):
        when = {"kind": "candidates", "threshold": threshold}
        either.call("POST", "triggers", 201, {"when": when, "enabled": enabled})
    either.call("POST", "schedules", 201, {"name": "weekly", "cron": "0 4 * * 1"})
    either.call("POST", "schedules", 201, {"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin"})
    paused = either.call("POST", "schedules", 201, {"name": "often", "cron": "* * * * *"})
    either.call("POST", f"schedules/{paused['id']}/pause", 200)
    active = publish(either, 1, state="active", activated_at=NOON)
    publish(either, 2)
    newest = publish(either, 3, guard=False)
    found = overview(either)["models"]
    assert len(found) == 1
    model = found[0]
    assert model["features"] == {"essential": 1, "candidate": 3}
    assert (model["candidates"], model["threshold"]) == (3, 5)
    assert model["schedule"] | {"id": ""} == {
        "id": "", "name": "nightly", "timezone": "Europe/Berlin", "next_at": "2026-01-02T01:30:00Z",
    }  # fmt: skip
    sides = {side: {name: each for name, each in total.items() if name != "bytes_per_example"}
             for side, total in (("before", BEFORE), ("after", AFTER))}  # fmt: skip
    assert model["active"] == {"number": active, "activated_at": "2026-01-01T12:00:00Z", **sides}
    assert (model["proposed"]["number"], model["proposed"]["waiting"]) == (newest, 2)
    assert (model["proposed"]["verdict"], model["proposed"]["guard_passed"]) == ("failed", False)


def test_a_model_with_nothing_says_so(either: Plane) -> None:
    model = overview(either)["models"][0]
    assert [model[name] for name in ("active", "proposed", "threshold", "schedule")] == [None] * 4
    assert model["candidates"] == 0


def test_candidates_are_counted_from_the_last_selection_of_each_model(either: Plane) -> None:
    either.call("POST", "/v1/models", 201, {"name": "other", "owner": "team", "spec": SPEC})
    rows = {"features": [{"name": "age", "kind": "dense"}]}
    either.call("POST", "/v1/models/other/features", 201, rows)
    either.register("age")
    either.pass_(minutes=1)
    either.call("POST", "jobs", 202, {})
    either.pass_(minutes=1)
    either.register("clip", "genre")
    assert {each["name"]: each["candidates"] for each in overview(either)["models"]} == {"other": 1, "ranker": 2}


def test_jobs_are_those_that_have_not_ended(either: Plane) -> None:
    first = either.call("POST", "jobs", 202, {})["id"]
    second = either.call("POST", "jobs", 202, {})["id"]
    either.end(first)
    found = overview(either)
    assert ([job["id"] for job in found["jobs"]], found["running"], found["waiting"]) == ([second], 0, 1)


def test_alerts_are_what_failed_of_late_and_what_stands(either: Plane) -> None:
    old = either.call("POST", "jobs", 202, {})["id"]
    either.end(old, JobState.FAILED)
    either.pass_(days=8)
    failed = either.call("POST", "jobs", 202, {})["id"]
    either.end(failed, JobState.FAILED)
    either.end(either.call("POST", "jobs", 202, {})["id"])
    either.pass_(minutes=1)
    refused = publish(either, 1, guard=False)
    publish(either, 2)
    stale = publish(either, 3, state="active", activated_at=either.at - timedelta(days=31))
    trigger = either.call("POST", "triggers", 201, {"when": {"kind": "candidates"}})["id"]
    well = either.call("POST", "triggers", 201, {"when": {"kind": "candidates"}})["id"]
    hook = {"url": "https://example.com/hook", "kinds": ["job.*"]}
    webhook = either.call("POST", "webhooks", 201, hook)["id"]
    either.call("PATCH", f"/v1/webhooks/{webhook}", 200, {"enabled": False})
    with either.sessions.begin() as session:
        for of, error in ((trigger, None), (trigger, "Prometheus doesn't answer"), (well, "gone"), (well, None)):
            observed = {} if error is None else {"error": error}
            seen = {"time": either.at, "fired": False, "dry_run": False, "reason": error or "none"}
            session.add(TriggerEvaluation(trigger_id=of, observed=observed, **seen))
            session.flush()
    found = alerts(either)
    assert sorted(found) == sorted(
        [
            ("job_failed", failed),
            ("guard_refused", str(refused)),
            ("list_stale", str(stale)),
            ("trigger_failing", trigger),
            ("webhook_disabled", webhook),
        ]
    )
    assert found[-1][0] == "list_stale"  # the oldest
    either.call("PATCH", f"triggers/{trigger}", 200, {"enabled": False})
    assert ("trigger_failing", trigger) not in alerts(either)


def test_pages_follow_one_another(plane: Plane) -> None:
    for name in ("a", "b"):
        plane.call("POST", "/v1/models", 201, {"name": name, "owner": "team", "spec": SPEC})
    first = overview(plane, "?limit=2")
    second = overview(plane, f"?limit=2&cursor={first['next']}")
    assert [[each["name"] for each in page["models"]] for page in (first, second)] == [["a", "b"], ["ranker"]]
    assert second["next"] is None


def test_a_key_for_one_model_sees_that_one(tmp_path: Path) -> None:
    app, _ = service(tmp_path)
    with app.state.sessions.begin() as session:
        for job in session.query(Job).all():
            jobs.move(session, job, JobState.FAILED, job.created_at)
    key = secret(app, "own", ["read"], OWN)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as http:
        found = http.get("/v1/overview").json()
        both = TestClient(app, headers={"Authorization": f"Bearer {secret(app, 'all', ['read'])}"})
        everything = both.get("/v1/overview").json()
    assert {alert["model"] for alert in found["alerts"]} == {OWN}
    assert [model["name"] for model in found["models"]] == [OWN]
    assert len({alert["model"] for alert in everything["alerts"]}) == 2
