"""A service in which two models have one of everything: what the tests of the whole OpenAPI document call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.orm import Session

from service.app import create_app
from service.settings import Settings
from service.store import browser_sessions, events, jobs, keys
from service.store.tables import (
    Attempt,
    Delivery,
    Feature,
    Fire,
    LatencyReport,
    Model,
    PublishedList,
    Schedule,
    Trigger,
    TriggerEvaluation,
    Webhook,
)
from tests.support.automatic import NoEngine
from tests.support.databases import sqlite
from tests.support.documents import prune_list

AT = datetime(2026, 1, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "label": "label"}
}
FEATURE = {"name": "age", "kind": "dense"}
TOTALS = {"features": 1, "dims": 1, "embedding_bytes": 0, "bytes_per_example": 4}
OWN, FOREIGN = "own-model", "foreign-model"


def service(home: Path, **settings: Any) -> tuple[FastAPI, dict[str, dict[str, str]]]:
    """The application, and by model the values of path parameters that name what it has."""
    limitless = {"rate_limit": "", "unknown_rate_limit": "", "poll_seconds": 3600, "data_roots": ("/data",)}
    sqlite(home)
    app = create_app(Settings(home=home, **{**limitless, **settings}), NoEngine(), now=lambda: AT)
    with app.state.sessions.begin() as session:
        found = {name: _inhabit(session, name) for name in (OWN, FOREIGN)}
    return app, found


def secret(app: FastAPI, name: str, scopes: list[str], model: str | None = None) -> str:
    with app.state.sessions.begin() as session:
        return keys.create(session, name, scopes, AT, by="test", model=model).secret


def signed_in(app: FastAPI, key: str) -> str:
    """The token of a browser that signed in with this key."""
    with app.state.sessions.begin() as session:
        found = keys.usable(session, keys.digest(key), AT)
        assert found is not None
        return browser_sessions.begin(session, found, found.hash, AT, timedelta(hours=1))


def _inhabit(session: Session, model: str) -> dict[str, str]:
    stamps: dict[str, Any] = {"created_at": AT, "updated_at": AT}
    session.add(Model(name=model, owner="team", description="", spec=SPEC, policy={}, retention={}, **stamps))
    session.flush()
    session.add(
        Feature(
            model=model, name="age", kind="dense", dim=1, column="age", spec={"kind": "dense"}, owner="team",
            tags=[], status="active", registered_at=AT, updated_at=AT,
        )
    )  # fmt: skip
    job = jobs.create(session, {"name": model, **SPEC, "features": [FEATURE]}, AT, model=model)
    session.add(Attempt(job_id=job.id, number=1, token_hash="0" * 64, started_at=AT))
    lists = [_list(session, model, number) for number in (1, 2)]
    schedule = Schedule(
        id=f"schedule-of-{model}", model=model, name="nightly", cron="0 2 * * *", timezone="UTC", missed="skip",
        concurrency="allow", catch_up_seconds=0, overrides={}, paused=False, considered_until=AT, created_by="t",
        **stamps,
    )  # fmt: skip
    trigger = Trigger(
        id=f"trigger-of-{model}", model=model, kind="manual", settings={}, overrides={}, state={}, enabled=True,
        dry_run=False, cooldown_seconds=0, created_by="t", **stamps,
    )  # fmt: skip
    webhook = Webhook(
        id=f"webhook-of-{model}", model=model, url="https://example.com/", kinds=[], secret="whsec_eHh4",
        queued_until=0, created_by="t", **stamps,
    )  # fmt: skip
    session.add_all([schedule, trigger, webhook])
    session.flush()
    events.record(session, "feature.status", {"of": model}, AT, model=model)
    delivery = Delivery(
        id=f"msg-of-{model}", webhook_id=webhook.id, event_number=10_000, state="failed", tries=1, **stamps
    )
    key = keys.create(session, f"key-of-{model}", ["read"], AT, by="t", model=model).key
    session.add_all(
        [
            delivery,
            Fire(schedule_id=schedule.id, due_at=AT, origin="cron", state="skipped", by="t", created_at=AT),
            TriggerEvaluation(trigger_id=trigger.id, time=AT, fired=False, dry_run=False, reason="none", observed={}),
            LatencyReport(model=model, time=AT - timedelta(minutes=1), p99_seconds=0.01, reported_by="t"),
        ]
    )
    session.flush()
    ids = {"schedule_id": schedule.id, "trigger_id": trigger.id, "webhook_id": webhook.id, "delivery_id": delivery.id}
    first, second = (str(number) for number in lists)
    numbers = {"number": first, "a": first, "b": second}
    return {"model": model, "job_id": job.id, "feature": "age", "key_id": key.id, **ids, **numbers}


def _list(session: Session, model: str, number: int) -> int:
    content = {**prune_list({"age": "keep"}), "id": f"{number}" * 64}
    made = PublishedList(
        model=model, list_id=f"{number}" * 64, job_id=f"job-{model}-{number}", content=content, verdict="passed",
        decisions_id=f"{number}" * 64,
        state="active" if number == 1 else "proposed", submitted_by="t", proposed_at=AT,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.number
