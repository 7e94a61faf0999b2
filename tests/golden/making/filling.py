"""A service with something of everything, filled over its own HTTP API; the runs of its jobs are rehearsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tests.golden.product import Pace, RehearsalEngine, Status, Work, wait_until

FEED, SEARCH = "feed-ranker", "search-ranker"
DATA = {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "group": "user_id"}
CSV = "name,kind,dim,hash_size,pooling,status\nquery,categorical,16,5000,,essential\nage,dense,1,,,active\n" + "".join(
    f"term_{place},multi_categorical,8,100,sum,active\n" for place in range(4)
)
FEATURES: list[dict[str, Any]] = [
    {"name": "user_id", "kind": "categorical", "dim": 16, "hash_size": 6041, "ids": "checked", "status": "essential"},
    {"name": "age", "kind": "dense", "default": 30.0, "tags": ["user", "profile/age"], "owner": "profile-team"},
    {"name": "clip", "kind": "dense", "dim": 64, "normalize": "none", "column": "item_clip"},
    {"name": "country", "kind": "categorical", "dim": 8, "hash_size": 200, "default": "none"},
    {"name": "genres", "kind": "multi_categorical", "dim": 8, "hash_size": 50, "pooling": "sum", "tags": ["item"]},
    *({"name": f"ctr_{place}", "kind": "dense"} for place in range(6)),
]
CANDIDATES = [
    {"name": "device", "kind": "categorical", "hash_size": 1000},
    {"name": "dwell", "kind": "dense", "status": "candidate"},
]
QUIET = {"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin", "days": ["mon", "sun"]}
DAILY = {"dataset": {"train": "/data/clicks/dt={partition}"}}


def pace(name: str) -> Pace:
    """By a job's name: `live` goes on for hours, `broken` fails, the guard refuses the list of `worse`."""
    if name.startswith("live"):
        return Pace(snapshots=20_000, pause=0.5)
    if name == "broken":
        return Pace(snapshots=4, fails="dataset.train: /data/train has no column 'dwell'")
    return Pace(snapshots=8, auc=0.76) if name == "worse" else Pace(snapshots=8)


class LossyEngine(RehearsalEngine):
    """The first attempt of a job named `lost` ends without a word, as one does whose node goes down."""

    def __init__(self) -> None:
        super().__init__(pace)
        self._lost: set[str] = set()

    def submit(self, submission_id: str, work: Work) -> None:
        spec = json.loads((work.directory / "submitted.json").read_text(encoding="utf-8"))
        if spec["name"] == "lost" and submission_id.endswith("-1"):
            self._lost.add(submission_id)
        else:
            super().submit(submission_id, work)

    def status(self, submission_id: str) -> Status:
        return Status.ENDED if submission_id in self._lost else super().status(submission_id)

    def explain(self, submission_id: str) -> str | None:
        return "exit code 137" if submission_id in self._lost else None


class Filling:
    """`ids` are those that a reader of the database wants to look at, by what they are."""

    def __init__(self, http: TestClient, receiver: str) -> None:
        self.http, self.receiver = http, receiver
        self.ids: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def fill(self) -> None:
        self._keys()
        self._webhooks()
        self._models()
        self._lists()
        self._jobs()
        self._triggers()
        self._schedules()
        self._waiting()
        wait_until(lambda: (self._job("live")["progress"] or {}).get("step", 0) >= 150, seconds=120)
        wait_until(lambda: self.ask("GET", f"/v1/webhooks/{self.ids['webhook']}/deliveries?state=delivered"))

    def job(self, name: str, model: str = FEED, **more: Any) -> str:
        made = self.ask("POST", f"/v1/models/{model}/jobs", {"overrides": {"name": name}, **more})
        self.ids[name] = made["id"]
        return str(made["id"])

    def _job(self, name: str) -> Any:
        return self.ask("GET", f"/v1/jobs/{self.ids[name]}")

    def ended(self, name: str) -> str:
        wait_until(lambda: self._job(name)["state"] in ("succeeded", "failed", "cancelled"), seconds=120)
        return str(self._job(name)["state"])

    def _keys(self) -> None:
        made: list[dict[str, Any]] = [
            {"name": "serving", "scopes": ["read"], "model": None},
            {"name": "reviewer", "scopes": ["approve"], "expires_in_seconds": 366 * 24 * 3600},
            {"name": "nightly", "scopes": ["submit", "approve"]},
            {"name": "leaver", "scopes": ["admin"]},
        ]
        found = {body["name"]: self.ask("POST", "/v1/keys", body) for body in made}
        self.ids |= {f"key-{name}": key["id"] for name, key in found.items()}
        self.ids["secret-serving"] = found["serving"]["key"]
        self.ask("POST", f"/v1/keys/{found['nightly']['id']}/rotate", {"grace_seconds": 3600})
        self.ask("POST", f"/v1/keys/{found['leaver']['id']}/revoke")

    def _webhooks(self) -> None:
        self.ids["webhook"] = self.ask("POST", "/v1/webhooks", {"url": self.receiver, "kinds": ["prune_list.*"]})["id"]
        unreachable = {"url": "http://127.0.0.1:9/hook", "kinds": ["prune_list.active"]}
        self.ids["webhook-unreachable"] = self.ask("POST", "/v1/webhooks", unreachable)["id"]

    def _models(self) -> None:
        policy = {"auto_approve": False, "auto_activate": False, "four_eyes": False}
        retention = {"runs_days": 90, "events_days": 365, "keep_last": 5}
        spec = {"dataset": DATA, "model": {"dropout": 0.1}, "prune": {"threshold": 0.5}, "selector": {"name": "leap"}}
        feed = {"name": FEED, "owner": "ranking-team", "description": "Ranks the home feed", "spec": spec}
        self.ask("POST", "/v1/models", {**feed, "policy": policy, "retention": retention})
        automatic = {"auto_approve": True, "auto_activate": True}
        search = {"name": SEARCH, "owner": "search-team", "spec": {"dataset": DATA}, "policy": automatic}
        self.ask("POST", "/v1/models", search)
        self.ask("PATCH", f"/v1/models/{SEARCH}", {"description": "Ranks results"})
        active = [{"status": "active", **feature} for feature in FEATURES]
        self.ask("POST", f"/v1/models/{FEED}/features", {"features": active})
        headers = {"Content-Type": "text/csv"}
        answer = self.http.post(f"/v1/models/{SEARCH}/features/import", content=CSV, headers=headers)
        assert answer.status_code == 201, answer.text
        settings = {"url": self.receiver, "kinds": ["feature.*"]}
        hook = self.ask("POST", f"/v1/models/{FEED}/webhooks", settings)["id"]
        self.ids["webhook-disabled"] = hook
        self.ask("PATCH", f"/v1/webhooks/{hook}", {"enabled": False})

    def _lists(self) -> None:
        """1 superseded, then 2 active again, 3 rolled back, 4 refused by the guard, 5 approved, 6 waits."""
        lists = f"/v1/models/{FEED}/prune-lists"
        for number, name in enumerate(("first", "second", "third", "worse", "fifth", "sixth"), start=1):
            if number == 2:
                self.ask("POST", f"/v1/models/{FEED}/features", {"features": CANDIDATES})
            self.job(name)
            assert self.ended(name) == "succeeded"
            if number in (1, 2, 3, 5):
                self.ask("POST", f"{lists}/{number}/approve", {"reason": "within noise"})
            if number in (1, 2, 3):
                self.ask("POST", f"{lists}/{number}/activate", {"reason": "monthly pruning"})
            if number == 3:
                self.ask("POST", f"/v1/models/{FEED}/prune-list/rollback", {"reason": "the shelf needs it"})
            if number == 4:
                self.ask("POST", f"{lists}/4/reject", {"reason": "the guard is right"})
        self.job("search", SEARCH)
        assert self.ended("search") == "succeeded"
        retired = {"features": ["ctr_5"], "status": "retired", "reason": "no longer logged"}
        self.ask("POST", f"/v1/models/{FEED}/features/status", retired)
        late = [{"name": "hour", "kind": "dense"}, {"name": "topic", "kind": "categorical", "hash_size": 300}]
        self.ask("POST", f"/v1/models/{FEED}/features", {"features": late})

    def _jobs(self) -> None:
        self.job("broken")
        self.job("lost", max_failures=2)
        self.job("check", dry_run=True)
        assert [self.ended(name) for name in ("broken", "lost", "check")] == ["failed", "succeeded", "succeeded"]
        again = self.ask("POST", f"/v1/jobs/{self.ids['broken']}/retry")
        self.ids["retried"] = again["id"]
        assert self.ended("retried") == "failed"
        spec = {"name": "own", "dataset": DATA, "features": [FEATURES[0], *FEATURES[2:4]]}
        own = self.ask("POST", "/v1/jobs?priority=3&deadline_seconds=86400", spec, **{"Idempotency-Key": "once"})
        self.ids["own"] = own["id"]
        assert self.ended("own") == "succeeded"
        clone = {"overrides": {"name": "live-clone"}, "deadline_seconds": 3600}
        self.ids["cancelled"] = self.ask("POST", f"/v1/jobs/{own['id']}/clone", clone)["id"]
        wait_until(lambda: self._job("cancelled")["state"] == "searching", seconds=60)
        self.ask("POST", f"/v1/jobs/{self.ids['cancelled']}/cancel")
        assert self.ended("cancelled") == "cancelled"

    def _triggers(self) -> None:
        root = f"/v1/models/{FEED}/triggers"
        candidates = {"when": {"kind": "candidates", "threshold": 2}, "dry_run": True, "cooldown_seconds": 86400}
        latency = {"kind": "latency", "max_seconds": 0.05, "window_seconds": 86400, "min_reports": 2}
        freshness = {"kind": "freshness", "pattern": "/data/clicks/dt=*", "marker": "_SUCCESS"}
        made = {
            "candidates": candidates,
            "latency": {"when": latency, "quiet_hours": QUIET, "dry_run": True},
            "freshness": {"when": freshness, "overrides": DAILY},
            "manual": {"when": {"kind": "manual"}, "overrides": {"name": "by-hand"}},
            "disabled": {"when": {"kind": "manual"}, "enabled": False},
        }
        self.ids |= {f"trigger-{name}": self.ask("POST", root, body)["id"] for name, body in made.items()}
        for seconds in (0.04, 0.06, 0.09):
            self.ask("POST", f"/v1/models/{FEED}/latency", {"p99_seconds": seconds})
        fired = self.ask("POST", f"{root}/{self.ids['trigger-manual']}/fire", {"force": True})
        self.ids["by-hand"] = fired["job_id"]
        assert self.ended("by-hand") == "succeeded"
        for name in ("candidates", "latency", "freshness"):
            place = f"{root}/{self.ids[f'trigger-{name}']}/evaluations"
            wait_until(lambda place=place: self.ask("GET", place)["evaluations"], seconds=60)

    def _schedules(self) -> None:
        root = f"/v1/models/{FEED}/schedules"
        made: dict[str, dict[str, Any]] = {
            "nightly": {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "missed": "once", "overrides": DAILY},
            "weekly": {"cron": "0 4 * * 1", "concurrency": "allow", "overrides": {"name": "weekly"}},
            "paused": {"cron": "0 0 1 1 *", "missed": "all", "catch_up_seconds": 600, "overrides": DAILY},
            "bounded": {"cron": "0 * * * *", "start_at": "2040-01-01T00:00:00Z", "end_at": "2041-01-01T00:00:00Z"},
        }
        for name, settings in made.items():
            self.ids[f"schedule-{name}"] = self.ask("POST", root, {"name": name, **settings})["id"]
        self.ask("POST", f"{root}/{self.ids['schedule-paused']}/pause")
        self.ask("POST", f"{root}/{self.ids['schedule-paused']}/backfill", {"partitions": ["2026-01-01", "2026-01-02"]})
        fire = self.ask("POST", f"{root}/{self.ids['schedule-weekly']}/run")
        self.ids["weekly"] = fire["job_id"]
        assert self.ended("weekly") == "succeeded"

    def _waiting(self) -> None:
        """One runs, two wait for it, by priority."""
        self.job("live", priority=1)
        wait_until(lambda: self._job("live")["state"] == "searching", seconds=60)
        self.job("live-later")
        self.job("live-sooner", priority=10)


def leave(home: Path, kept: set[str]) -> None:
    """Delete what no test reads of a home: run directories but those of `kept`, and the database."""
    for path in sorted(home.rglob("*"), reverse=True):
        runs = home / "runs"
        own = path.is_relative_to(runs) and path != runs and path.relative_to(runs).parts[0] in kept
        if path.is_file() and not own:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
