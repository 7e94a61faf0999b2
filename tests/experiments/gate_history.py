"""What watching a big search costs: the API's answers on 10,000 features × 10,000 steps, alone and all at once.

    python -m tests.experiments.gate_history

Writes the history, then serves it from a process of its own. Each document is asked for one request at a time, with and
without what the service keeps of it; then so many dashboards ask for new ones at once while a trivial request is timed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import aiohttp
import httpx
import numpy as np
import typer

from tests.support.serving import Home, wait_until
from trainers.runs import grid
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import RunDirectory
from trainers.runs.history import GateHistory

app = typer.Typer()
PORTION = 250
SPEC = {
    "name": "watched",
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "label": "label"},
    "features": [{"name": "age", "kind": "dense"}],
}


class Walk:
    """Gates that part: θ drifts up or down, with noise, up to where a gate is shut or open."""

    def __init__(self, features: int) -> None:
        self.random = np.random.default_rng(0)
        self.drift_F = np.where(self.random.random(features) < 0.7, 1, -1) * self.random.random(features) * 0.004
        self.theta_F = np.zeros(features)
        self.step = 0

    def snapshot(self) -> Snapshot:
        noise_F = self.random.normal(0, 0.02, len(self.theta_F))
        self.theta_F = np.clip(self.theta_F + self.drift_F + noise_F, -8, 8)
        gate_F = (1 / (1 + np.exp(-self.theta_F))).astype(np.float32)
        self.step += 50
        return Snapshot(self.step, 50, gate_F, 0.5, 0.5, 0.1, 51_200, 1.0, 0.8, {"divergence": gate_F})


def write(history: GateHistory, walk: Walk, snapshots: int) -> float:
    """Seconds that writing took, as it goes on in a search: in portions."""
    took = 0.0
    for begin in range(0, snapshots, PORTION):
        portion = [walk.snapshot() for _ in range(min(PORTION, snapshots - begin))]
        began = time.perf_counter()
        history.extend(0, history.count, portion)
        history.flush()
        took += time.perf_counter() - began
    return took


def cpu_seconds(path: Path) -> float:
    """Of reading the heat map in this process, whatever else the machine does; the median of several."""
    took = []
    for _ in range(9):
        began = time.process_time()
        grid.read(path)
        took.append(time.process_time() - began)
    return statistics.median(took)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as http:
        yield http


async def ask(http: aiohttp.ClientSession, path: str, known: str | None = None) -> tuple[float, int, str]:
    """Seconds, bytes, ETag."""
    headers = {"Accept-Encoding": "gzip"} | ({"If-None-Match": known} if known else {})
    began = time.perf_counter()
    async with http.get(path, headers=headers) as answer:
        content = await answer.read()
        assert answer.status == (304 if known else 200), content[:200]
    return time.perf_counter() - began, len(content), answer.headers.get("ETag", "")


def row(name: str, took: list[float], size: int | None = None) -> str:
    middle, late = np.quantile(took, [0.5, 0.95])
    return f"| {name} | {1000 * middle:.1f} | {1000 * late:.1f} | {'' if size is None else f'{size:,}'} |"


async def alone(http: aiohttp.ClientSession, job: str, rounds: int, grow: Callable[[], object]) -> None:
    """One request at a time; `grow` adds a snapshot, so that nothing of before holds."""
    paths = {
        "heat map, 200 columns": f"{job}/gates/grid",
        "heat map, a fiftieth of the span": f"{job}/gates/grid?from_step=200000&to_step=210000",
        "measures, 1,000 points": f"{job}/measures",
        "one feature, 10,000 points": f"{job}/gates?feature=feature_00077&points=10000",
    }
    for name, path in paths.items():
        fresh = []
        for _ in range(rounds):
            grow()
            fresh.append(await ask(http, path))
        typer.echo(row(f"{name}, new", [each[0] for each in fresh], fresh[-1][1]))
        if not fresh[-1][2]:
            continue
        kept = [await ask(http, path) for _ in range(rounds)]
        same = [await ask(http, path, kept[-1][2]) for _ in range(rounds)]
        typer.echo(row(f"{name}, kept", [each[0] for each in kept], kept[-1][1]))
        typer.echo(row(f"{name}, 304", [each[0] for each in same]))
    trivial = [await ask(http, "/healthz") for _ in range(10 * rounds)]
    typer.echo(row("trivial request", [each[0] for each in trivial], trivial[-1][1]))


async def together(
    http: aiohttp.ClientSession, job: str, watchers: int, rounds: int, grow: Callable[[], object]
) -> None:
    """All dashboards fetch heat map and measures after each new snapshot, two seconds apart."""
    trivial: list[float] = []
    over = asyncio.Event()

    async def probe() -> None:
        while not over.is_set():
            trivial.append((await ask(http, "/healthz"))[0])
            await asyncio.sleep(0.02)

    probing = asyncio.create_task(probe())
    grids: list[float] = []
    for _ in range(rounds):
        await asyncio.to_thread(grow)
        wanted: list[Awaitable[tuple[float, int, str]]] = [ask(http, f"{job}/gates/grid") for _ in range(watchers)]
        wanted += [ask(http, f"{job}/measures") for _ in range(watchers)]
        found = await asyncio.gather(*wanted)
        grids += [each[0] for each in found[:watchers]]
        await asyncio.sleep(2)
    over.set()
    await probing
    typer.echo(row(f"heat map, {watchers} at once", grids))
    typer.echo(row("trivial request beside them", trivial))


async def measure(home: Home, history: GateHistory, walk: Walk, job: str, watchers: int, rounds: int) -> None:
    def grow() -> None:
        history.extend(0, history.count, [walk.snapshot()])
        history.flush()

    async with connected(home.url) as http:
        typer.echo("| request | median, ms | p95, ms | bytes sent |\n|---|---|---|---|")
        await alone(http, job, rounds, grow)
        await together(http, job, watchers, rounds, grow)


async def submit(url: str) -> str:
    async with connected(url) as http:
        async with http.post("/v1/jobs", json=SPEC) as answer:
            job = f"/v1/jobs/{(await answer.json())['id']}"
        while True:
            async with http.get(job) as answer:
                if (await answer.json())["attempt"] == 1:
                    return job
            await asyncio.sleep(0.1)


@contextmanager
def served(home: Home) -> Iterator[None]:
    """In a process of its own, which logs to nowhere. Every dashboard here comes from one address: none is limited."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "tests.support.serving", str(home.path), str(home.port)],
        env={**os.environ, "WINNOW_RATE_LIMIT": ""},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(home.url), seconds=120)
        yield
    finally:
        serving.kill()
        serving.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


@app.command()
def main(
    features: Annotated[int, typer.Option(min=1)] = 10_000,
    snapshots: Annotated[int, typer.Option(min=1)] = 10_000,
    watchers: Annotated[int, typer.Option(min=1)] = 50,
    rounds: Annotated[int, typer.Option(min=2)] = 20,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        with served(home):
            job = asyncio.run(submit(home.url))
            directory = RunDirectory(home.path / "runs" / job.rpartition("/")[2] / "attempt-1")
            history = GateHistory(directory.history, [f"feature_{place:05}" for place in range(features)])
            walk = Walk(features)
            seconds = write(history, walk, snapshots)
            size = sum(path.stat().st_size for path in directory.history.rglob("*.arrow")) / 1e9
            typer.echo(f"{features:,} features × {snapshots:,} snapshots: {size:.2f} GB written in {seconds:.1f} s\n")
            typer.echo(f"reading the heat map takes {1000 * cpu_seconds(directory.history):.0f} ms of one core\n")
            asyncio.run(measure(home, history, walk, job, watchers, rounds))


if __name__ == "__main__":
    app()
