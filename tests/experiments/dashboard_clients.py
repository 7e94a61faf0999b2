"""What open dashboards cost a training beside the service: steps per second with none and with fifty, in turns.

    python -m tests.experiments.dashboard_clients

Training and service share one core, as where a training uses all cores it is given: whatever the service takes, the
training lacks. The clients, which are elsewhere in life, have the other core. Each holds the stream of one job that
reports every second, and fetches what the job's page fetches, when it does.
"""

from __future__ import annotations

import ast
import asyncio
import json
import multiprocessing as mp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import aiohttp
import torch
import typer

from tests.experiments.steps import sides
from tests.support.serving import free_port, wait_until
from trainers.simulator import simulate
from trainers.spec import load_spec, parse_spec
from trainers.spec.order import canonical_order
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

BATCHES = 40
SETTLE_SECONDS, END_SECONDS = 8.0, 0.5
# As service/web/modules/job-data.js has them.
LEAST_SECONDS, LOOKS, LOOKS_AT_MEASURES, CELLS, COLUMNS, POINTS = 4.0, 60, 20, 200_000, 200, 1000


def train(folder: str, core: int, steps: Synchronized[int]) -> None:
    """Bilevel steps of a search, on and on, counted in `steps`."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    ranks = RankContext(rank=0, world=1, local_world=1)
    raw = load_spec(Path(folder) / "spec.yaml").model_dump(mode="json")
    raw["training"]["batch_size"] = 256
    spec = canonical_order(parse_spec(raw))
    loaders = DataLoaders.open(spec, ranks)
    with loaders.pairs(0, BATCHES, held_out=True) as pairs:
        kept = [(rows, held_out) for rows, held_out in pairs if held_out is not None]
    step = sides(spec, ranks, loaders)["gate, bilevel"]
    while True:
        step(steps.value + 1, *kept[steps.value % len(kept)])
        steps.value += 1


@dataclass
class Client:
    """One open page of a job that is so many seconds old."""

    http: aiohttp.ClientSession
    path: str
    age: float

    async def hold(self) -> None:
        self.etags: dict[str, str] = {}
        self.due: dict[str, float] = {}
        self.step: int | None = None
        await self._fetch(self.path)
        await self._bring()
        timeout = aiohttp.ClientTimeout(total=None)
        stream = {"Accept": "text/event-stream"}
        async with self.http.get(f"{self.path}/events?after={2**53 - 1}", headers=stream, timeout=timeout) as answer:
            async for line in answer.content:
                if line.startswith(b"event: job.snapshot"):
                    await self._bring()

    async def _bring(self) -> None:
        """What is due of the measures and the grid."""
        if self._is_due("measures"):
            after = "" if self.step is None else f"&after_step={self.step}"
            found = await self._fetch(f"{self.path}/measures?points={POINTS}{after}", "measures")
            self.step = found["steps"][-1] if found and found["steps"] else self.step
            self.due["measures"] = time.monotonic() + self._pause(LOOKS_AT_MEASURES)
        if self._is_due("grid"):
            found = await self._fetch(f"{self.path}/gates/grid?columns={COLUMNS}", "grid")
            cells = len(found["features"]) * len(found["steps"]) if found else 0
            self.due["grid"] = time.monotonic() + max(self._pause(LOOKS), LEAST_SECONDS * cells / CELLS)

    def _pause(self, looks: int) -> float:
        return max(LEAST_SECONDS, self.age / looks)

    def _is_due(self, part: str) -> bool:
        return time.monotonic() >= self.due.get(part, 0.0)

    async def _fetch(self, address: str, part: str = "") -> Any:
        known = {"If-None-Match": self.etags[part]} if part in self.etags else {}
        async with self.http.get(address, headers=known) as answer:
            assert answer.status in (200, 304), await answer.text()
            if answer.status == 304:
                return None
            if part:
                self.etags[part] = answer.headers["ETag"]
            return json.loads(await answer.read())


@dataclass(frozen=True)
class Watched:
    """The job of a service, and how many seconds old it is taken to be."""

    url: str
    key: str
    job: str
    age: float


async def hold(at: Watched, clients: int, seconds: float) -> int:
    """Keep so many clients open for a window, and a little longer on both sides; how many were held all along."""
    headers = {"Authorization": f"Bearer {at.key}", "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(at.url, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as http:
        tasks = [asyncio.create_task(Client(http, f"/v1/jobs/{at.job}", at.age).hold()) for _ in range(clients)]
        await asyncio.sleep(SETTLE_SECONDS + seconds + END_SECONDS)
        held = sum(not task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return held


def cpu_seconds(pid: int) -> float:
    """That a process has used."""
    used = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(home: Path, features: int, core: int) -> Iterator[tuple[int, str, str, str]]:
    """A populated service in a process: its id, its address, a key, and the job that goes on."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.showcase", str(home), str(port), "--features", str(features)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until((home / "showcase.txt").exists, seconds=300)
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})
        key, jobs = (home / "showcase.txt").read_text(encoding="utf-8").splitlines()
        yield process.pid, f"http://127.0.0.1:{port}", key, ast.literal_eval(jobs)["live"]
    finally:
        process.terminate()
        process.wait(timeout=30)


def measure(
    clients: int, features: int, seconds: float, rounds: int, age: float
) -> dict[str, list[tuple[float, float]]]:
    """Of each window steps per second, and CPU seconds of the service; by how many clients there were."""
    cores = sorted(os.sched_getaffinity(0))
    found: dict[str, list[tuple[float, float]]] = {"none": [], "clients": []}
    with tempfile.TemporaryDirectory() as folder:
        simulate(features=32, rows=20_000, seed=0, output=Path(folder) / "data")
        steps: Any = mp.get_context("spawn").Value("q", 0)
        trainer = mp.get_context("spawn").Process(target=train, args=(f"{folder}/data", cores[0], steps), daemon=True)
        trainer.start()
        with served(Path(folder) / "home", features, cores[0]) as (pid, url, key, job):
            wait_until(lambda: steps.value > 50, seconds=300)
            os.sched_setaffinity(0, {cores[-1]})
            try:
                at = Watched(url, key, job, age)
                for _ in range(rounds):
                    for name, count in (("none", 0), ("clients", clients)):
                        holding = hold(at, count, seconds)
                        found[name].append(asyncio.run(_window(pid, steps, seconds, holding, count)))
            finally:
                trainer.kill()
                trainer.join()
                os.sched_setaffinity(0, set(cores))
    return found


async def _window(pid: int, steps: Any, seconds: float, holding: Awaitable[int], clients: int) -> tuple[float, float]:
    held = asyncio.ensure_future(holding)
    await asyncio.sleep(SETTLE_SECONDS)
    began, counted, used = time.monotonic(), steps.value, cpu_seconds(pid)
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    found = (steps.value - counted) / took, (cpu_seconds(pid) - used) / took
    assert await held == clients
    return found


def main(clients: int = 50, features: int = 500, seconds: float = 30.0, rounds: int = 4, minutes: float = 15.0) -> None:
    """`minutes` is the age of the search: the page of an older one looks less often at what grows."""
    found = measure(clients, features, seconds, rounds, 60 * minutes)
    alone, beside = (statistics.median(rate for rate, _ in found[name]) for name in ("none", "clients"))
    idle, busy = (statistics.median(share for _, share in found[name]) for name in ("none", "clients"))
    print(f"steps/s: {alone:.1f} with none, {beside:.1f} with {clients} clients: {1 - beside / alone:.1%} less")
    each = 60 * (busy - idle) / clients
    print(f"service's CPU: {idle:.1%} of a core with none, {busy:.1%} with them; {each:.3f} s a client and minute")


if __name__ == "__main__":
    typer.run(main)
