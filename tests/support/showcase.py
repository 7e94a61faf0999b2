"""A service with something on every page, made over its own API; its runs are rehearsed (see rehearsal.py).

    python -m tests.support.showcase HOME PORT [--features 48]

serves one until Ctrl-C, with a job that goes on for ever; it prints an admin key to sign in with.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import structlog
import typer
import uvicorn

from service.app import create_app
from service.core.clock import utc_now
from service.settings import Settings
from service.store import keys
from tests.support.databases import sqlite
from tests.support.rehearsal import Pace, RehearsalEngine
from tests.support.serving import free_port, wait_until

MODEL = "feed-ranker"
SPEC: dict[str, Any] = {
    "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "label": "label"},
    "prune": {"threshold": 0.5},
}
LIVE = "live"
FAMILIES = ("user", "item", "author", "context", "cross")
THINGS = ("clicks_7d", "dwell", "embedding", "country", "ctr", "recency", "topic", "device", "hour", "likes")


def feature(place: int) -> dict[str, Any]:
    """A plausible feature, the same for the same place."""
    draw = random.Random(place)
    name = f"{FAMILIES[place % 5]}_{THINGS[place // 5 % 10]}" + (f"_{place // 50}" if place >= 50 else "")
    if draw.random() < 0.4:
        return {"name": name, "kind": "dense", "dim": draw.choice([1, 1, 1, 64])}
    dim, size = draw.choice([8, 16, 32]), draw.choice([100, 5_000, 200_000])
    return {"name": name, "kind": "categorical", "dim": dim, "hash_size": size}


def pace(name: str) -> Pace:
    """By a job's name: `live` goes on for hours, `broken` fails, the guard refuses the list of `worse`."""
    if name.startswith(LIVE):
        return Pace(snapshots=20_000, pause=1.0)
    if name == "broken":
        return Pace(snapshots=10, fails="dataset.train: /data/train has no column 'dwell'")
    return Pace(auc=0.76) if name == "worse" else Pace()


class Showcase:
    """The service at `url`, and its admin's key."""

    def __init__(self, home: Path, port: int | None = None, **settings: Any) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.engine = RehearsalEngine(pace)
        quick: dict[str, Any] = {
            "poll_seconds": 0.2, "snapshot_seconds": 1.0, "cancel_grace_seconds": 0.2, "max_running_jobs": 8,
            "max_running_jobs_per_model": 8, "data_roots": ("/data",), "rate_limit": "", "unknown_rate_limit": "",
            "webhook_allow_private": True, "webhook_allow_http": True, "trigger_seconds": 2.0,
        }  # fmt: skip
        sqlite(home)
        self.app = create_app(Settings(home=home, **{**quick, **settings}), self.engine)
        self.key = self.make_key("ana", ["admin"])
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def make_key(self, name: str, scopes: list[str], model: str | None = None) -> str:
        with self.app.state.sessions.begin() as session:
            return keys.create(session, name, scopes, utc_now(), by="host", model=model).secret

    @contextmanager
    def serving(self) -> Iterator[None]:
        server = uvicorn.Server(
            uvicorn.Config(self.app, port=self.port, log_level="warning", timeout_graceful_shutdown=1)
        )
        # Its log goes on between tests, where nothing takes it up.
        logged = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield
        finally:
            structlog.configure(**logged)
            self.http.close()
            server.should_exit = True
            thread.join(timeout=30)
            self.engine.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def job(self, name: str, **more: Any) -> str:
        """The id of a new job of the model."""
        made = self.ask("POST", f"/v1/models/{MODEL}/jobs", {"overrides": {"name": name}, **more})
        return str(made["id"])

    def ended(self, job_id: str) -> dict[str, Any]:
        def over() -> bool:
            return self.ask("GET", f"/v1/jobs/{job_id}")["state"] in ("succeeded", "failed", "cancelled")

        wait_until(over, seconds=60)
        found: dict[str, Any] = self.ask("GET", f"/v1/jobs/{job_id}")
        return found

    def fill(self, features: int = 48) -> dict[str, str]:
        """Models, features, runs, lists, triggers, schedules, webhooks and keys; the jobs' ids by what they are."""
        self._models(features)
        jobs = {"first": self.job("first")}
        self.ended(jobs["first"])
        self._activate()
        self._candidates(features)
        jobs["second"] = self.job("second")
        self.ended(jobs["second"])
        jobs["broken"] = self.job("broken")
        self.ended(jobs["broken"])
        jobs[LIVE] = self.job(LIVE)
        self._starting()
        self._administration()
        wait_until(
            lambda: (self.ask("GET", f"/v1/jobs/{jobs[LIVE]}")["progress"] or {}).get("step", 0) > 100, seconds=60
        )
        return jobs

    def _models(self, features: int) -> None:
        policy = {"auto_approve": False, "auto_activate": False, "four_eyes": False}
        made = {"owner": "ranking-team", "description": "Ranks the home feed", "spec": SPEC, "policy": policy}
        self.ask("POST", "/v1/models", {"name": MODEL, **made})
        self.ask("POST", "/v1/models", {"name": "search-ranker", "owner": "search-team", "spec": SPEC})
        rows = [{**feature(place), "tags": [FAMILIES[place % 5]], "status": "active"} for place in range(features)]
        rows[0]["status"] = "essential"
        for begin in range(0, features, 10_000):
            self.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows[begin : begin + 10_000]})

    def _candidates(self, features: int) -> None:
        rows = [feature(place) for place in range(features, features + 12)]
        self.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows})

    def _activate(self) -> None:
        number = self.ask("GET", f"/v1/models/{MODEL}/prune-lists")["prune_lists"][0]["number"]
        self.ask("POST", f"/v1/models/{MODEL}/prune-lists/{number}/approve", {"reason": "within noise"})
        self.ask("POST", f"/v1/models/{MODEL}/prune-lists/{number}/activate", {"reason": "monthly pruning"})

    def _starting(self) -> None:
        root = f"/v1/models/{MODEL}"
        self.ask("POST", f"{root}/triggers", {"when": {"kind": "candidates", "threshold": 30}})
        self.ask("POST", f"{root}/triggers", {"when": {"kind": "latency", "max_seconds": 0.05}, "dry_run": True})
        nightly = {"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "missed": "once"}
        self.ask("POST", f"{root}/schedules", nightly)
        weekly = {"name": "weekly", "cron": "0 4 * * 1", "overrides": {"name": "weekly"}}
        made = self.ask("POST", f"{root}/schedules", weekly)
        self.ask("POST", f"{root}/schedules/{made['id']}/run")

    def _administration(self) -> None:
        self.ask("POST", "/v1/keys", {"name": "serving", "scopes": ["read"], "model": MODEL})
        self.ask("POST", "/v1/keys", {"name": "reviewer", "scopes": ["approve"]})
        self.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/hook", "kinds": ["prune_list.*"]})


def main(home: Path, port: int, features: Annotated[int, typer.Option()] = 48) -> None:
    show = Showcase(home, port)
    with show.serving():
        jobs = show.fill(features)
        (home / "showcase.txt").write_text(f"{show.key}\n{jobs}\n", encoding="utf-8")
        print(f"{show.url}  key {show.key}  jobs {jobs}", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    typer.run(main)
