"""A service with a model under management, whose jobs succeed when the test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store import events, jobs, keys, proposals
from service.store.tables import Event
from tests.support.databases import sqlite
from tests.support.documents import prune_list
from tests.support.engines import HandEngine

MODEL = "ranker"
SPEC: dict[str, Any] = {"dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"}}


def content(decisions: dict[str, str], **chosen: Any) -> Any:
    """A run's prune list (`tests.support.documents.prune_list`); kept features score 0.9, pruned ones 0.1."""
    return prune_list(decisions, **chosen)


class Managed:
    """The application, with its loops at rest, and a clock that stands still."""

    def __init__(self, home: Path, database_url: str | None = None, **settings: Any) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        if database_url is None:
            sqlite(home)
        chosen = Settings(home=home, database_url=database_url, poll_seconds=3600, **settings)
        self.app = create_app(chosen, HandEngine(), open_to_local=True, now=lambda: self.time)
        self.sessions = self.app.state.sessions
        self.http = self.client()

    def client(self, secret: str | None = None) -> TestClient:
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        return TestClient(self.app, base_url="http://127.0.0.1", headers=headers, raise_server_exceptions=False)

    def key(self, name: str, *scopes: str, model: str | None = None) -> TestClient:
        """A caller with a key; from the first on, those without one are refused."""
        with self.sessions.begin() as session:
            return self.client(keys.create(session, name, scopes, self.time, by="test", model=model).secret)

    def model(self, *features: str, name: str = MODEL, **settings: Any) -> str:
        """A model with these dense candidates; its URL."""
        made = self.http.post("/v1/models", json={"name": name, "owner": "team", "spec": SPEC, **settings})
        assert made.status_code == 201, made.text
        if features:
            batch = {"features": [{"name": feature, "kind": "dense"} for feature in features]}
            made = self.http.post(f"/v1/models/{name}/features", json=batch)
            assert made.status_code == 201, made.text
        return f"/v1/models/{name}"

    def succeed(self, found: Any, *, by: str = "submitter", model: str = MODEL) -> int:
        """A job of the model ends with this list, which is proposed; its number."""
        number = self.end(found, by=by, model=model)
        assert number is not None
        return number

    def end(self, found: Any, *, by: str = "submitter", model: str = MODEL) -> int | None:
        """A job of the model ends with this list; the number where it is proposed."""
        self.time += timedelta(minutes=1)
        with self.sessions.begin() as session:
            job = jobs.create(session, {**SPEC, "name": "run"}, self.time, submitted_by=by, model=model)
            job.prune_list = found
            published = proposals.propose(session, job, self.time)
            return None if published is None else published.number

    def statuses(self, model: str = MODEL) -> dict[str, str]:
        listed = self.http.get(f"/v1/models/{model}/features", params={"limit": 1000}).json()["features"]
        return {feature["name"]: feature["status"] for feature in listed}

    def events(self, *kinds: str) -> list[Event]:
        with self.sessions() as session:
            return list(events.after(session, 0, 10_000, kinds=kinds))

    def close(self) -> None:
        self.http.close()
        self.sessions.kw["bind"].dispose()
