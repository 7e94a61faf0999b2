"""A control plane with a model, its clock and its loops in the hands of a test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.core.job_state import JobState
from service.ray.client import Status
from service.schedules.scheduler import Scheduler
from service.settings import Settings
from service.store import events, jobs
from service.store.tables import Base
from service.triggers.evaluator import Evaluator
from tests.support.databases import database_of, sqlite

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPEC = {"dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"}}


@pytest.fixture(scope="module")
def sqlite_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    made = Plane(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def any_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    url = None
    if request.param == "postgresql":
        url = database_of(request.getfixturevalue("cluster"), template=request.getfixturevalue("migrated"))
    made = Plane(tmp_path_factory.mktemp("home"), url)
    yield made
    made.close()


@pytest.fixture(name="plane")
def on_sqlite(sqlite_plane: Plane) -> Plane:
    """On SQLite."""
    return sqlite_plane.begin()


@pytest.fixture(name="either")
def on_either(any_plane: Plane) -> Plane:
    """On SQLite, and on PostgreSQL."""
    return any_plane.begin()


class NoEngine:
    """An engine that is never asked: jobs stay queued until the test ends them."""

    def submit(self, *_: Any) -> None:
        raise AssertionError("no job is started here")

    def status(self, *_: Any) -> Status:
        return Status.UNKNOWN

    def stop(self, *_: Any) -> None:
        raise AssertionError("no job is stopped here")

    def healthy(self) -> bool:
        return True


class Plane:
    """`at` is the time. `schedules` and `triggers` are stepped by hand."""

    def __init__(self, home: Path, database_url: str | None = None, **settings: Any) -> None:
        self.at = NOON
        if database_url is None:
            sqlite(home)
        self.settings = Settings(home=home, database_url=database_url, **settings)
        app = create_app(self.settings, NoEngine(), open_to_local=True, now=lambda: self.at)  # type: ignore[arg-type]
        self.settings = app.state.settings
        self.sessions = app.state.sessions
        self.http = TestClient(app, base_url="http://127.0.0.1")
        self.schedules = Scheduler(self.sessions, self.settings, lambda: self.at)
        self.triggers = Evaluator(self.sessions, self.settings, lambda: self.at)

    def begin(self) -> Plane:
        """With one model and its essential feature, and nothing else, at noon of a day."""
        with self.sessions.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
        self.at = NOON
        self.call("POST", "/v1/models", 201, {"name": "ranker", "owner": "team", "spec": SPEC})
        self.register("user_id", status="essential")
        return self

    def close(self) -> None:
        self.http.close()
        self.sessions.kw["bind"].dispose()

    def call(self, method: str, path: str, status: int, body: Any = None, **headers: str) -> Any:
        """The answer's JSON. Paths that don't begin with a slash are the model's."""
        place = path if path.startswith("/") else f"/v1/models/ranker/{path}"
        answer: httpx.Response = self.http.request(method, place, json=body, headers=headers)  # type: ignore[assignment]
        assert answer.status_code == status, f"{method} {place}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def register(self, *names: str, status: str = "candidate") -> None:
        features = [{"name": name, "kind": "dense", "status": status} for name in names]
        self.call("POST", "features", 201, {"features": features})

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)

    def jobs(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found: list[dict[str, Any]] = self.call("GET", "/v1/jobs?limit=200", 200)["jobs"]
        return found[::-1]

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v1/jobs/{job_id}", 200)
        return found

    def spec(self, job_id: str) -> dict[str, Any]:
        with self.sessions() as session:
            job = jobs.find(session, job_id)
            assert job is not None
            return dict(job.spec)

    def end(self, job_id: str, state: JobState = JobState.CANCELLED) -> None:
        with self.sessions.begin() as session:
            job = jobs.find(session, job_id)
            assert job is not None
            if state is JobState.SUCCEEDED:
                jobs.move(session, job, JobState.STARTING, self.at)
            jobs.move(session, job, state, self.at)

    def told(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        with self.sessions() as session:
            return [(each.kind, each.data) for each in events.after(session, 0, 10_000, kinds=[f"{prefix}.*"])]
