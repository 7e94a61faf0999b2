"""The control plane under load: submissions, polls of the active prune list, event streams, on SQLite and PostgreSQL.

    python -m tests.experiments.control_plane --postgresql postgresql://postgres@/postgres?host=/path/to/socket

The service runs in a process of its own on loopback, with an engine that starts nothing; its clients share this
process. Beside it, in turns, a bare FastAPI endpoint that writes one row through the same database: the limit.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import httpx
import typer
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import JSON, Column, Integer, MetaData, Table, insert, make_url, text

from service.app import create_app
from service.core.clock import utc_now
from service.core.job_state import JobState
from service.ray.client import Status
from service.settings import Settings
from service.store import jobs, proposals
from service.store.database import open_database
from service.store.tables import Model

app = typer.Typer()
CLIENTS = 32
STREAMS = 500
EVENTS_A_SECOND = 10
LISTED = 500
SPEC: dict[str, Any] = {
    "name": "load",
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"},
    "features": [{"name": f"f{at}", "kind": "categorical", "dim": 16, "hash_size": 1000 + at} for at in range(40)],
}


class IdleEngine:
    """Takes every job, and finishes none."""

    def submit(self, *_: Any) -> None: ...
    def stop(self, *_: Any) -> None: ...

    def status(self, *_: Any) -> Status:
        return Status.RUNNING

    def healthy(self) -> bool:
        return True

    def logs(self, *_: Any) -> str:
        return ""


class Row(BaseModel):
    """What the bare endpoint takes."""

    name: str
    dataset: dict[str, str]
    features: list[dict[str, Any]]


def bare(url: str) -> FastAPI:
    """One route that writes one row."""
    engine = open_database(url)
    rows = Table("rows", MetaData(), Column("number", Integer, primary_key=True), Column("body", JSON))
    rows.metadata.create_all(engine)
    application = FastAPI()

    @application.post("/v1/jobs", status_code=202)
    def write(row: Row) -> Row:
        with engine.begin() as connection:
            connection.execute(insert(rows).values(body=row.model_dump()))
        return row

    return application


def publish(application: FastAPI) -> None:
    """A model of LISTED features with an active prune list."""
    names = [f"f{at}" for at in range(LISTED)]
    content = {
        "id": "0" * 64,
        "guard": {"passed": True, "reason": "auc held"},
        "features": [
            {"name": name, "kind": "categorical", "dim": 16, "score": 0.5, "divergence": 1.0, "endurance": 0.5}
            | {"decision": "prune" if at % 3 else "keep", "why": "threshold"}
            for at, name in enumerate(names)
        ],
        "before": {"features": LISTED, "dims": 16 * LISTED, "embedding_bytes": 0, "bytes_per_example": 0.0},
        "after": {"features": LISTED // 3, "dims": 16 * LISTED // 3, "embedding_bytes": 0, "bytes_per_example": 0.0},
    }
    now = utc_now()
    policy = {"auto_approve": True, "auto_activate": True}
    with application.state.sessions.begin() as session:
        session.add(
            Model(
                **{"name": "ranker", "owner": "load", "description": "", "spec": {}, "retention": {}},
                **{"policy": policy, "created_at": now, "updated_at": now},
            )
        )
        session.flush()
        job = jobs.create(session, SPEC, now, model="ranker")
        job.prune_list = content
        jobs.move(session, job, JobState.STARTING, now)
        jobs.move(session, job, JobState.SUCCEEDED, now)
        proposals.propose(session, job, now)


@app.command(hidden=True)
def serve(kind: str, url: str, home: Path, port: int) -> None:
    """The server's process."""
    settings = Settings(home=home, database_url=url, rate_limit="", unknown_rate_limit="")
    application = bare(url) if kind == "bare" else create_app(settings, IdleEngine(), open_to_local=True)
    if kind != "bare":
        publish(application)
        logging.disable(logging.INFO)
    uvicorn.run(application, port=port, log_level="error")


@contextmanager
def served(kind: str, url: str, home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", __spec__.name, "serve", kind, url, str(home), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ})
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{base}/openapi.json").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended while it started"
                assert time.monotonic() < deadline, "the server doesn't answer"
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass(frozen=True)
class Load:
    """What clients saw: answers a second, and their times in milliseconds."""

    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, times: list[float], seconds: float) -> Load:
        parts = statistics.quantiles(times, n=100)
        return cls(len(times) / seconds, 1000 * statistics.median(times), 1000 * parts[98])

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s, p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms"


async def hammer(ask: Callable[[], Awaitable[None]], seconds: float) -> Load:
    """CLIENTS at once, each asking again as soon as it is answered."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        while (began := time.perf_counter()) < end:
            await ask()
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return Load.of(times, seconds)


async def submissions(base: str, seconds: float) -> Load:
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(limit=0)) as http:

        async def ask() -> None:
            async with http.post("/v1/jobs", json=SPEC) as answer:
                assert answer.status == 202, await answer.text()
                await answer.read()

        return await hammer(ask, seconds)


async def polls(base: str, model: str, seconds: float, *, known: bool) -> Load:
    """Of the active prune list, by clients that have it (and are answered 304) or don't."""
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(limit=0)) as http:
        path = f"/v1/models/{model}/prune-list"
        async with http.get(path) as first:
            assert first.status == 200, await first.text()
            headers = {"If-None-Match": first.headers["ETag"]} if known else {}

        async def ask() -> None:
            async with http.get(path, headers=headers) as answer:
                assert answer.status == (304 if known else 200)
                await answer.read()

        return await hammer(ask, seconds)


async def streams(base: str, seconds: float) -> tuple[int, Load]:
    """Clients that hold a stream of all events while jobs are submitted: how many held, and the delay of events."""
    delays: list[float] = []
    ready = asyncio.Semaphore(0)

    async def listen(http: aiohttp.ClientSession) -> None:
        headers = {"Accept": "text/event-stream"}
        async with http.get("/v1/events", headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            assert answer.status == 200, await answer.text()
            ready.release()
            async for line in answer.content:
                if line.startswith(b"data:"):
                    told = datetime.fromisoformat(json.loads(line[5:])["time"])
                    delays.append(time.time() - told.timestamp())

    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(limit=0)) as http:
        listeners = [asyncio.create_task(listen(http)) for _ in range(STREAMS)]
        for _ in listeners:
            await ready.acquire()
        await asyncio.sleep(1)
        delays.clear()
        for _ in range(int(seconds * EVENTS_A_SECOND)):
            async with http.post("/v1/jobs", json=SPEC) as answer:
                await answer.read()
            await asyncio.sleep(1 / EVENTS_A_SECOND)
        await asyncio.sleep(2)
        held = sum(not listener.done() for listener in listeners)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    return held, Load.of(delays, seconds)


def measure(store: str, url: Callable[[str], str], home: Path, seconds: float, rounds: int) -> None:
    with (
        served("winnow", url("winnow"), home / "winnow") as winnow,
        served("bare", url("bare"), home / "bare") as limit,
    ):
        held, delay = asyncio.run(streams(winnow, seconds))
        print(f"{store} · {held} of {STREAMS} streams held · delay p50 {delay.p50:.0f} ms, p99 {delay.p99:.0f} ms")
        found: dict[str, list[Load]] = {"submissions": [], "bare": [], "poll 304": [], "poll 200": []}
        for _ in range(rounds):
            found["bare"].append(asyncio.run(submissions(limit, seconds)))
            found["submissions"].append(asyncio.run(submissions(winnow, seconds)))
            found["poll 304"].append(asyncio.run(polls(winnow, "ranker", seconds, known=True)))
            found["poll 200"].append(asyncio.run(polls(winnow, "ranker", seconds, known=False)))
        for name, loads in found.items():
            print(f"{store} · {name} · {sorted(loads, key=lambda load: load.rate)[len(loads) // 2]}", flush=True)


@app.command()
def main(
    postgresql: Annotated[str | None, typer.Option(help="URL of an empty server's database `postgres`.")] = None,
    seconds: float = 10.0,
    rounds: int = 3,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        measure("SQLite", lambda kind: f"sqlite:///{home / kind}.db", home, seconds, rounds)
        if postgresql is not None:
            server = open_database(postgresql.replace("postgresql://", "postgresql+psycopg://", 1))
            with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for kind in ("winnow", "bare"):
                    connection.execute(text(f"CREATE DATABASE load_{kind}"))
            base = make_url(postgresql).set(drivername="postgresql+psycopg")
            named = lambda kind: base.set(database=f"load_{kind}").render_as_string(hide_password=False)  # noqa: E731
            measure("PostgreSQL", named, home / "postgresql", seconds, rounds)


if __name__ == "__main__":
    app()
