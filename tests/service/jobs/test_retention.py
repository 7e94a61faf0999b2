"""What retention deletes and what it keeps, on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from service.core.job_state import JobState
from service.jobs.retention import Retention
from service.store import events, idempotency, jobs, retention
from service.store.tables import (
    AuditEntry,
    Delivery,
    Event,
    IdempotencyKey,
    Job,
    PublishedList,
    Trigger,
    TriggerEvaluation,
    Webhook,
)
from tests.support.automatic import Plane, any_plane, on_either, sqlite_plane  # noqa: F401 (fixtures)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def step(plane: Plane) -> dict[str, int]:
    return Retention(plane.sessions, plane.settings, lambda: plane.at, pause=lambda _: None).step()


def run_of(plane: Plane, state: JobState | None = JobState.FAILED) -> str:
    """A job with a run directory."""
    job = str(plane.call("POST", "jobs", 202, {})["id"])
    directory = plane.settings.run_directory(job) / "attempt-1"
    directory.mkdir(parents=True)
    (directory / "log.txt").write_text("said")
    if state is not None:
        plane.end(job, state)
    return job


def runs(plane: Plane) -> set[str]:
    return {path.name for path in plane.settings.run_directory("any").parent.iterdir()}


def count(plane: Plane, table: Any) -> int:
    with plane.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def publish(plane: Plane, job_id: str, state: str) -> None:
    with plane.sessions.begin() as session:
        session.add(
            PublishedList(
                model="ranker",
                list_id="x" * 64,
                job_id=job_id,
                content={},
                state=state,
                verdict="passed",
                decisions_id="0" * 64,
                submitted_by="test",
                proposed_at=plane.at,
            )
        )


def keep(plane: Plane, **terms: Any) -> None:
    plane.call("PATCH", "/v1/models/ranker", 200, {"retention": terms})


def test_old_runs_go_and_jobs_stay(either: Plane) -> None:
    keep(either, keep_last=1)
    made = [run_of(either) for _ in range(3)]
    unfinished = run_of(either, None)
    stranger = either.settings.run_directory("not-ours")
    stranger.mkdir(parents=True)
    either.pass_(days=89)
    assert step(either)["runs"] == 0
    either.pass_(days=2)
    assert step(either)["runs"] == 2
    assert runs(either) >= {made[2], unfinished, "not-ours"}
    assert not runs(either) & set(made[:2])
    assert either.job(made[0])["state"] == "failed"
    assert either.call("GET", f"/v1/jobs/{made[0]}/gates", 200)["steps"] == []
    assert step(either)["runs"] == 0
    stranger.rmdir()


@pytest.mark.parametrize(("state", "kept"), [("active", True), ("proposed", True), ("superseded", False)])
def test_a_run_whose_list_is_current_stays(either: Plane, state: str, kept: bool) -> None:
    keep(either, keep_last=0)
    job = run_of(either, JobState.SUCCEEDED)
    publish(either, job, state)
    either.pass_(days=1000)
    step(either)
    assert (job in runs(either)) is kept
    assert (either.call("GET", f"/v1/jobs/{job}/events", 200) != []) is kept
    assert count(either, PublishedList) == 1


def test_a_model_has_terms_of_its_own(either: Plane) -> None:
    keep(either, runs_days=2, events_days=3, keep_last=0)
    job = run_of(either)
    bare = {"name": "bare", "dataset": {"train": "/d", "splits": {}}, "features": [{"name": "age", "kind": "dense"}]}
    other = either.call("POST", "/v1/jobs", 202, bare)["id"]
    either.end(other)
    either.settings.run_directory(other).mkdir(parents=True)
    either.pass_(days=2, seconds=1)
    assert step(either)["runs"] == 1
    assert (job in runs(either), other in runs(either)) == (False, True)
    assert len(either.call("GET", f"/v1/jobs/{job}/events", 200)) == 2
    either.pass_(days=1)
    step(either)
    assert either.call("GET", f"/v1/jobs/{job}/events", 200) == []
    assert len(either.call("GET", f"/v1/jobs/{other}/events", 200)) == 2


def test_events_go_in_portions_but_for_those_still_needed(either: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    unfinished = run_of(either, None)
    with either.sessions.begin() as session:
        session.add(
            Webhook(
                id="w", url="https://x", kinds=["*"], secret="s", queued_until=0, created_by="t",
                created_at=either.at, updated_at=either.at,
            )
        )  # fmt: skip
        for _ in range(20):
            events.record(session, "webhook.disabled", {}, either.at)
    with either.sessions.begin() as session:
        pending = events.newest(session)
        for number, state in ((pending, "pending"), (pending - 1, "delivered")):
            session.add(
                Delivery(
                    id=state, webhook_id="w", event_number=number, state=state,
                    created_at=either.at, updated_at=either.at,
                )
            )  # fmt: skip
    either.pass_(days=91)
    young = str(either.call("POST", "jobs", 202, {})["id"])
    gone = step(either)
    assert gone["events"] >= 19
    assert gone["deliveries"] == 1
    with either.sessions() as session:
        left = session.execute(select(Event.number, Event.job_id)).all()
    assert {job for _, job in left if job is not None} == {unfinished, young}
    assert [number for number, job in left if job is None] == [pending]


def test_evaluations_audit_entries_and_keys_go_too(either: Plane) -> None:
    with either.sessions.begin() as session:
        session.add(
            Trigger(
                id="t", model="ranker", kind="manual", settings={}, overrides={}, state={}, cooldown_seconds=0,
                created_by="t", created_at=either.at, updated_at=either.at,
            )
        )  # fmt: skip
        session.flush()
        for _ in range(3):
            session.add(
                TriggerEvaluation(trigger_id="t", time=either.at, fired=False, dry_run=False, reason="", observed={})
            )
    job = either.call("POST", "jobs", 202, {}, **{"Idempotency-Key": "a"})["id"]
    before = count(either, AuditEntry)
    assert before > 0
    either.pass_(hours=25)
    assert step(either)["idempotency_keys"] == 1
    assert (count(either, IdempotencyKey), count(either, AuditEntry), count(either, Job)) == (0, before, 1)
    either.pass_(days=91)
    gone = step(either)
    assert (gone["evaluations"], gone["audit"]) == (2, before)
    assert (count(either, TriggerEvaluation), count(either, AuditEntry)) == (1, 0)
    assert either.job(job)["state"] == "queued"


def test_a_young_key_stays(either: Plane) -> None:
    job = either.call("POST", "jobs", 202, {}, **{"Idempotency-Key": "a"})["id"]
    either.pass_(hours=23)
    assert step(either)["idempotency_keys"] == 0
    with either.sessions() as session:
        digest = session.scalar(select(IdempotencyKey.request_hash))
        found = idempotency.find_job(session, "local", "a", str(digest), either.at - timedelta(hours=24))
        assert found is not None
        assert found.id == job
        assert jobs.find(session, job) is found
