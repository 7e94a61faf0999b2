"""What a scrape of /metrics costs: its size, its series, and the time it takes over HTTP.

    python -m tests.experiments.scrape --postgresql postgresql://postgres@/postgres?host=/path/to/socket

The service runs in a thread of this process, its loops at rest; scrapes come one after the other. `--postgresql` names
a server where a database may be made; without it SQLite alone is measured.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvicorn
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session, sessionmaker

from service.app import create_app
from service.core.job_state import JobState
from service.settings import Settings
from service.store import jobs
from service.store.tables import Feature, Model, PublishedList
from tests.support.engines import HandEngine
from tests.support.managed import SPEC, content
from tests.support.monitored import trained
from tests.support.serving import free_port, wait_until

app = typer.Typer()
NOW = datetime.now(UTC)


def run_job(session: Session, features: int) -> None:
    """A search that has told of so many features."""
    job = jobs.create(session, {**SPEC, "name": "search"}, NOW)
    jobs.move(session, job, JobState.STARTING, NOW)
    job.progress = trained(100, features).progress().document()
    jobs.move(session, job, JobState.SEARCHING, NOW)


def end_jobs(session: Session, count: int) -> None:
    for _ in range(count):
        job = jobs.create(session, {**SPEC, "name": "over"}, NOW)
        jobs.move(session, job, JobState.STARTING, NOW)
        jobs.move(session, job, JobState.FAILED, NOW)


def publish(session: Session, models: int, features: int) -> None:
    """Models of so many features, each with an active list of them."""
    names = [f"feature_{place}" for place in range(features)]
    found = content(dict.fromkeys(names, "keep"))
    for place in range(models):
        model = f"model-{place}"
        same = {"created_at": NOW, "updated_at": NOW}
        session.add(Model(name=model, owner="t", description="", spec={}, policy={}, retention={}, **same))
        session.flush()
        job = jobs.create(session, {**SPEC, "name": model}, NOW, model=model)
        jobs.move(session, job, JobState.CANCELLED, NOW)
        rows = [
            {"model": model, "name": name, "kind": "dense", "dim": 1, "column": name, "spec": {}, "owner": "t"}
            | {"tags": [], "status": "active", "version": 1, "registered_at": NOW, "updated_at": NOW}
            for name in names
        ]
        session.execute(Feature.__table__.insert(), rows)
        active = {"state": "active", "proposed_at": NOW, "activated_at": NOW}
        session.add(
            PublishedList(
                model=model,
                list_id="1",
                job_id=job.id,
                content=found,
                verdict="passed",
                decisions_id=found["id"],
                submitted_by="t",
                **active,
            )
        )


CASES: dict[str, tuple[int, list[tuple[Any, ...]]]] = {
    "nothing stored": (0, []),
    "a search of 10,000 features": (0, [(run_job, 10_000)]),
    "the same, 1,000 features by name": (1000, [(run_job, 10_000)]),
    "1,000 jobs stored, 2 of them searching": (0, [(end_jobs, 998), (run_job, 1000), (run_job, 1000)]),
    "100 models with lists of 1,000 features": (0, [(publish, 100, 1000)]),
}


@contextmanager
def serving(settings: Settings, rows: list[tuple[Any, ...]]) -> Iterator[httpx.Client]:
    made = create_app(settings, HandEngine(), open_to_local=True)
    sessions: sessionmaker[Session] = made.state.sessions
    for write, *arguments in rows:
        with sessions.begin() as session:
            write(session, *arguments)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(made, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        yield http
    server.should_exit = True
    thread.join(timeout=10)
    sessions.kw["bind"].dispose()


def measure(http: httpx.Client, scrapes: int) -> tuple[int, int, float, list[float]]:
    """Bytes, series, the first scrape's seconds, and those of the following ones."""
    took = []
    for _ in range(scrapes + 1):
        began = time.perf_counter()
        answer = http.get("/metrics")
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    series = sum(not line.startswith("#") for line in answer.text.splitlines())
    return len(answer.content), series, took[0], sorted(took[1:])


@contextmanager
def database(server: str | None) -> Iterator[str | None]:
    """A database of its own on the server; None, SQLite in the home, without one."""
    if server is None:
        yield None
        return
    name = f"scrape_{uuid.uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@app.command()
def main(
    postgresql: Annotated[str | None, typer.Option(help="URL of a server where databases may be made")] = None,
    scrapes: Annotated[int, typer.Option(min=2)] = 50,
) -> None:
    typer.echo("| store | what is there | bytes | series | first, ms | median, ms | p95, ms |")
    typer.echo("|---|---|---|---|---|---|---|")
    for store in [None, *([postgresql] if postgresql else [])]:
        for what, (named, rows) in CASES.items():
            with tempfile.TemporaryDirectory() as home, database(store) as url:
                settings = Settings(home=Path(home), database_url=url, poll_seconds=3600, metrics_features=named)
                with serving(settings, rows) as http:
                    size, series, first, took = measure(http, scrapes)
            middle, late = statistics.median(took), took[int(0.95 * (len(took) - 1))]
            times = " | ".join(f"{1000 * each:.1f}" for each in (first, middle, late))
            typer.echo(f"| {'PostgreSQL' if store else 'SQLite'} | {what} | {size:,} | {series:,} | {times} |")


if __name__ == "__main__":
    app()
