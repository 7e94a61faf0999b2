"""A service in which everything that metrics tell of happens: real HTTP, real loops, runs whose progress is a real
coordinator's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from service.app import create_app
from service.ray.client import Status
from service.settings import Settings
from tests.support.databases import sqlite
from tests.support.engines import HandEngine
from tests.support.managed import SPEC, content
from tests.support.receivers import receiving
from tests.support.serving import free_port, wait_until
from trainers.runs.coordinator import Coordinator, Report
from trainers.runs.directory import write_json
from trainers.runs.progress import Stage

MODEL = "ranker"
RANKS = 2


def trained(steps: int, features: int = 40, total: int = 1000, attempt: int = 0, begun: float = 0.0) -> Coordinator:
    """Two workers' search after so many steps, ten a report; gates part as it goes."""
    coordinator = Coordinator(
        tuple(f"feature_{place}" for place in range(features)), clock=lambda: begun or time.time()
    )
    coordinator.begin(attempt, RANKS, 0)
    coordinator.enter(attempt, Stage.SEARCHING, total)
    ends = np.arange(features) % 2
    for step in range(10, steps + 1, 10):
        gate_F = (0.5 + (ends - 0.5) * step / total).astype(np.float32)
        for rank in range(RANKS):
            coordinator.report(
                Report(
                    attempt=attempt,
                    rank=rank,
                    step=step,
                    steps=10,
                    gate_F=gate_F,
                    details={"divergence": gate_F},
                    loss=10 * 0.5,
                    held_out_loss=10 * 0.6,
                    penalty=10 * 0.01,
                    rows=10 * 512,
                    seconds=0.5,
                    decode_seconds=0.2,
                    embedding_bytes=1 << (20 + rank),
                )
            )
    return coordinator


def ended(steps: int) -> dict[str, Any]:
    """The last progress of a run that went well."""
    coordinator = trained(steps)
    for stage in (Stage.RANKING, Stage.FINETUNING, Stage.EVALUATING, Stage.DONE):
        coordinator.enter(0, stage)
    return coordinator.progress().document()


class Monitored:
    """The service on a port of this machine."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.settings = Settings(
            home=home,
            poll_seconds=0.1,
            retry_seconds=0.0,
            trigger_seconds=1.0,
            webhook_allow_http=True,
            webhook_allow_private=True,
            prometheus_url=f"http://127.0.0.1:{free_port()}",  # where nothing answers
            metrics_features=5,
        )
        self.engine = HandEngine()
        sqlite(home)
        self.app = create_app(self.settings, self.engine, open_to_local=True)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)
        self.running = ""
        self._over = threading.Event()

    @contextmanager
    def serving(self) -> Iterator[None]:
        config = uvicorn.Config(self.app, port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        with receiving() as good, receiving() as bad:
            bad.statuses = [500]
            try:
                wait_until(lambda: server.started)
                self._prepare(good.url(), bad.url())
                yield
            finally:
                self._over.set()
                server.should_exit = True
                thread.join(timeout=10)
                self.http.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def _prepare(self, *urls: str) -> None:
        policy = {"four_eyes": False}
        self.call("POST", "/v1/models", {"name": MODEL, "owner": "team", "spec": SPEC, "policy": policy})
        features = [{"name": name, "kind": "dense"} for name in ("age", "clicks", "noise")]
        self.call("POST", f"/v1/models/{MODEL}/features", {"features": features})
        for url in urls:
            self.call("POST", f"/v1/models/{MODEL}/webhooks", {"url": url})
        self.running = self.submit(model=None)
        steps = iter(range(100, 1000, 10))

        def train() -> None:
            while not self._over.is_set():
                write_json(self.directory(self.running).progress, trained(next(steps, 990)).progress().document())
                self._over.wait(0.3)

        wait_until(lambda: self.started(self.running))
        threading.Thread(target=train, daemon=True).start()
        wait_until(lambda: self.state(self.running) == "searching")

    def everything(self) -> None:
        """A list activated and one that the guard refused; a job that failed, an attempt that was lost; a trigger that
        fired and one that can't be observed; a schedule's run; a job that waits.
        """
        self.succeed(passed=True)
        number = self.call("GET", f"/v1/models/{MODEL}/prune-lists?state=proposed")["prune_lists"][0]["number"]
        for what in ("approve", "activate"):
            self.call("POST", f"/v1/models/{MODEL}/prune-lists/{number}/{what}", {"reason": "it holds"})
        self.succeed(passed=False)
        self.fail()
        for when in (
            {"kind": "candidates", "threshold": 1},
            {"kind": "latency", "max_seconds": 0.1, "query": "serving_p99"},
        ):
            self.call("POST", f"/v1/models/{MODEL}/triggers", {"when": when, "dry_run": when["kind"] == "candidates"})
        self.call("POST", f"/v1/models/{MODEL}/features", {"features": [{"name": "fresh", "kind": "dense"}]})
        wait_until(lambda: self.call("GET", f"/v1/models/{MODEL}/triggers")["triggers"][0]["fired_at"])
        schedule = self.call("POST", f"/v1/models/{MODEL}/schedules", {"name": "nightly", "cron": "0 3 * * *"})
        self.call("POST", f"/v1/models/{MODEL}/schedules/{schedule['id']}/run")
        self.submit()

    def submit(self, *, model: str | None = MODEL) -> str:
        """A job of the model, or of a spec alone."""
        spec = {**SPEC, "name": "long-run", "features": [{"name": "age", "kind": "dense"}]}
        path, body = ("/v1/jobs", spec) if model is None else (f"/v1/models/{model}/jobs", {})
        return str(self.call("POST", path, body)["id"])

    def state(self, job_id: str) -> str:
        return str(self.call("GET", f"/v1/jobs/{job_id}")["state"])

    def newest(self, job_id: str) -> str:
        return f"{job_id}-{self.call('GET', f'/v1/jobs/{job_id}')['attempt']}"

    def started(self, job_id: str) -> bool:
        return self.newest(job_id) in self.engine.works and self.state(job_id) != "queued"

    def directory(self, job_id: str) -> Any:
        return self.engine.directory(self.newest(job_id))

    def succeed(self, *, passed: bool) -> None:
        job_id = self.submit()
        wait_until(lambda: self.started(job_id))
        write_json(self.directory(job_id).progress, ended(steps=50))
        decisions = {"age": "keep", "clicks": "keep", "noise": "prune" if passed else "keep"}
        write_json(self.directory(job_id).prune_list, content(decisions, passed=passed))
        self.engine.states[self.newest(job_id)] = Status.ENDED
        wait_until(lambda: self.state(job_id) == "succeeded")

    def fail(self) -> None:
        """Its first attempt is lost, its second finds wrong data."""
        job_id = self.submit()
        wait_until(lambda: self.started(job_id))
        del self.engine.states[self.newest(job_id)]
        wait_until(lambda: self.newest(job_id).endswith("-2") and self.started(job_id))
        self.directory(job_id).record("failed", reason="label: 7 is neither 0 nor 1", fault="user")
        self.engine.states[self.newest(job_id)] = Status.ENDED
        wait_until(lambda: self.state(job_id) == "failed")
