"""What is asked of the filled service, and recorded: every GET route, and every other with a body it takes."""

from __future__ import annotations

from typing import Any

from tests.golden.making.filling import CSV, FEED, QUIET, SEARCH

DATA = {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"}
SPEC = {
    "name": "small",
    "dataset": DATA,
    "features": [{"name": "age", "kind": "dense"}, {"name": "user_id", "kind": "categorical", "hash_size": 10}],
    "prune": {"rule": "top_k", "top_k": 1},
}
ROOT = f"/v1/models/{FEED}"
IMPORTED = CSV.replace("query", "query_2").replace("age", "age_2").replace("term_", "term_2_")


def _asked(method: str, path: str, json: Any = None, **more: Any) -> dict[str, Any]:
    body = {} if json is None else {"json": json}
    return {"method": method, "path": path, **body, **more}


def answers(ids: dict[str, str]) -> list[dict[str, Any]]:
    """Requests that change nothing."""
    jobs = [ids[name] for name in ("first", "live", "live-later", "broken", "lost", "check", "own", "cancelled")]
    first, live = f"/v1/jobs/{ids['first']}", f"/v1/jobs/{ids['live']}"
    triggers = [f"{ROOT}/triggers/{ids[key]}" for key in ids if key.startswith("trigger-")]
    schedules = [f"{ROOT}/schedules/{ids[key]}" for key in ids if key.startswith("schedule-")]
    hooks = [f"/v1/webhooks/{ids[key]}" for key in ids if key.startswith("webhook")]
    paths = [
        "/healthz", "/readyz", "/metrics", "/v1/me", "/v1/overview", "/v1/queue", "/v1/audit?limit=5",
        "/v1/jobs?limit=3", "/v1/jobs?state=failed&origin=retry", f"/v1/jobs?model={SEARCH}", "/v1/jobs?name=live",
        *(f"/v1/jobs/{job}" for job in jobs), f"/v1/jobs/{ids['lost']}/attempts", f"{live}/attempts", f"{first}/spec",
        f"{first}/prune-list", f"{first}/results", f"{first}/logs", f"{first}/events", f"{first}/gates?points=4",
        f"{live}/gates?feature=user_id&last=3", f"{first}/gates/grid?columns=4", f"{first}/measures",
        f"{live}/logs?tail=3",
        f"/v1/jobs/{ids['broken']}/prune-list",
        "/v1/events?limit=40", f"/v1/events?model={SEARCH}", "/v1/events?kind=prune_list.*",
        "/v1/events?kind=trigger.*",
        "/v1/models", f"/v1/models/{FEED}", f"/v1/models/{SEARCH}",
        f"{ROOT}/features", f"{ROOT}/features?status=pruned", f"{ROOT}/features?kind=categorical&limit=2",
        f"{ROOT}/features?tag=item", f"{ROOT}/features/age", f"{ROOT}/features/ctr_5", f"{ROOT}/feature-export",
        f"{ROOT}/prune-lists", f"{ROOT}/prune-lists?state=proposed", *(f"{ROOT}/prune-lists/{n}" for n in range(1, 7)),
        f"{ROOT}/prune-lists/active", f"{ROOT}/prune-lists/1/diff/2", f"{ROOT}/prune-lists/active/diff/6",
        f"{ROOT}/prune-list", f"/v1/models/{SEARCH}/prune-list",
        f"{ROOT}/triggers", *triggers, *(f"{trigger}/evaluations" for trigger in triggers), f"{ROOT}/latency",
        f"{ROOT}/schedules", *schedules, *(f"{schedule}/fires" for schedule in schedules),
        f"{schedules[0]}/next?count=2",
        "/v1/keys", f"/v1/keys/{ids['key-serving']}", f"/v1/keys/{ids['key-leaver']}",
        "/v1/webhooks", f"{ROOT}/webhooks", *hooks, *(f"{hook}/deliveries" for hook in hooks),
        "/v1/jobs/job-unknown", "/v1/jobs?state=nonsense",
    ]  # fmt: skip
    csv = {"Accept": "text/csv"}
    tables = [_asked("GET", f"{ROOT}/{name}", headers=csv) for name in ("prune-list", "feature-export")]
    serving = {"Authorization": f"Bearer {ids['secret-serving']}"}
    return [*(_asked("GET", path) for path in paths), *tables, _asked("GET", "/v1/me", headers=serving)]


def requests(ids: dict[str, str], token: str, progress: dict[str, Any]) -> list[dict[str, Any]]:
    """One after another on one service: what one makes, the next may find."""
    reported = {"headers": {"Authorization": f"Bearer {token}"}}
    report = {"number": 1000, "progress": {**progress, "state": "running", "stage": "ranking"}}
    return [
        _asked("POST", f"/v1/jobs/{ids['live']}/attempts/1/reports", report, **reported),
        *_of_jobs(ids),
        *_of_models(),
        *_of_starting(ids),
        *_of_administration(ids),
    ]


def _of_jobs(ids: dict[str, str]) -> list[dict[str, Any]]:
    once, options = {"Idempotency-Key": "again"}, "priority=7&dry_run=true&deadline_seconds=600&max_failures=1"
    job = {"overrides": {"selector": {"target_dims": 0.7}}, "priority": 10, "dry_run": False, "deadline_seconds": 3600}
    clone = {"overrides": {"training": {"seed": 1}}, "priority": 5}
    return [
        _asked("POST", "/v1/jobs", SPEC, headers=once),
        _asked("POST", "/v1/jobs", SPEC, headers=once),
        _asked("POST", f"/v1/jobs?{options}", SPEC),
        _asked("POST", f"{ROOT}/jobs", {**job, "max_failures": 2}),
        _asked("POST", f"/v1/jobs/{ids['broken']}/retry"),
        _asked("POST", f"/v1/jobs/{ids['first']}/clone", clone),
        _asked("POST", f"/v1/jobs/{ids['live-later']}/cancel"),
        _asked("POST", "/v1/jobs", {**SPEC, "selektor": {}}),
    ]


def _of_models() -> list[dict[str, Any]]:
    policy = {"auto_approve": True, "auto_activate": False, "four_eyes": True}
    retention = {"runs_days": 30, "events_days": 60, "keep_last": 3}
    spec = {"dataset": DATA, "training": {"epochs": 2}}
    model = {"name": "video", "owner": "video-team", "description": "Ranks videos", "spec": spec}
    batch = [
        {"name": "length", "kind": "dense", "owner": "video-team", "tags": ["video"], "column": "seconds"},
        {"name": "channel", "kind": "categorical", "dim": 8, "hash_size": 100, "ids": "checked", "default": 3},
        {"name": "words", "kind": "multi_categorical", "hash_size": 100, "pooling": "mean", "status": "active"},
    ]
    lists = f"{ROOT}/prune-lists"
    statuses = {"features": ["length"], "status": "active", "reason": "worth a try"}
    return [
        _asked("POST", "/v1/models", {**model, "policy": policy, "retention": retention}),
        _asked("PATCH", "/v1/models/video", {"spec": {"training": {"seed": 4}}}, headers={"If-Match": '"1"'}),
        _asked("POST", "/v1/models/video/features", {"features": batch}),
        _asked("POST", "/v1/models/video/features/import", text=IMPORTED, headers={"Content-Type": "text/csv"}),
        _asked("POST", "/v1/models/video/features/status", statuses),
        _asked("PATCH", "/v1/models/video/features/channel", {"dim": 4, "tags": ["x"], "hash_size": 50}),
        _asked("PATCH", f"{ROOT}/features/hour", {"status": "active", "reason": "asked for"}),
        _asked("POST", "/v1/models/video/features/infer", {"dataset": "/data/nowhere", "leave_out": ["row"]}),
        _asked("POST", f"{lists}/6/approve", {"reason": "good", "override_guard": False}),
        _asked("POST", f"{lists}/6/activate", {"reason": "now"}),
        _asked("POST", f"{ROOT}/prune-list/rollback", {"reason": "no"}),
        _asked("POST", f"{lists}/5/reject", {"reason": "older"}),
        _asked("DELETE", "/v1/models/video"),
    ]


def _of_starting(ids: dict[str, str]) -> list[dict[str, Any]]:
    when = {"kind": "latency", "max_seconds": 0.05, "window_seconds": 600, "min_reports": 5}
    trigger = {"when": when, "overrides": {"name": "slow"}, "enabled": True, "dry_run": True, "cooldown_seconds": 60}
    candidates = {"when": {"kind": "candidates", "threshold": 30}}
    freshness = {"when": {"kind": "freshness", "pattern": "/data/clicks/hour=*"}}
    daily = {"dataset": {"train": "/data/clicks/dt={partition}"}}
    times = {"start_at": "2039-01-01T00:00:00Z", "end_at": "2040-01-01T00:00:00+01:00", "timezone": "Asia/Tokyo"}
    choices = {"missed": "all", "concurrency": "replace", "catch_up_seconds": 60, "overrides": daily}
    schedule = {"name": "hourly", "cron": "5 * * * *", **times, **choices}
    latency, manual = (f"{ROOT}/triggers/{ids[f'trigger-{name}']}" for name in ("latency", "manual"))
    nightly, paused = (f"{ROOT}/schedules/{ids[f'schedule-{name}']}" for name in ("nightly", "paused"))
    days = {"from": "2026-02-01T00:00", "to": "2026-02-03T00:00", "every": "day", "format": "%Y%m%d"}
    return [
        _asked("POST", f"{ROOT}/triggers", {**trigger, "quiet_hours": QUIET}),
        _asked("POST", f"{ROOT}/triggers", candidates),
        _asked("POST", f"{ROOT}/triggers", freshness),
        _asked("POST", f"{ROOT}/triggers/what-if", {"trigger": candidates, "facts": {"candidates": 31}}),
        _asked("PATCH", latency, {"dry_run": False, "cooldown_seconds": 120, "quiet_hours": None}),
        _asked("POST", f"{latency}/evaluate", {"p99_seconds": 0.2, "reports": 9, "time": "2026-01-01T12:00:00Z"}),
        _asked("POST", f"{manual}/fire", {"force": True, "partition": "2026-01-01"}),
        _asked("DELETE", latency),
        _asked("POST", f"{ROOT}/latency", {"p99_seconds": 0.043}),
        _asked("POST", f"{ROOT}/schedules", schedule),
        _asked("POST", f"{ROOT}/schedules/preview", {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "count": 3}),
        _asked("PATCH", nightly, {"cron": "0 3 * * 1-5", "missed": "skip", "concurrency": "allow"}),
        _asked("POST", f"{nightly}/pause"),
        _asked("POST", f"{nightly}/resume", {"catch_up": True}),
        _asked("POST", f"{nightly}/run"),
        _asked("POST", f"{nightly}/backfill", days),
        _asked("POST", f"{paused}/backfill/cancel"),
        _asked("DELETE", paused),
    ]


def _of_administration(ids: dict[str, str]) -> list[dict[str, Any]]:
    key, hook = f"/v1/keys/{ids['key-reviewer']}", f"/v1/webhooks/{ids['webhook']}"
    hooks = {"url": "https://93.184.215.14/hooks", "kinds": ["prune_list.*", "job.state"]}
    new_key = {"name": "batch", "scopes": ["submit"], "model": FEED, "expires_in_seconds": 7776000}
    return [
        _asked("POST", "/v1/keys", new_key),
        _asked("POST", f"{key}/rotate", {"grace_seconds": 60}),
        _asked("POST", f"{key}/revoke"),
        _asked("POST", "/v1/webhooks", hooks),
        _asked("POST", f"{ROOT}/webhooks", {**hooks, "kinds": []}),
        _asked("PATCH", hook, {"kinds": ["job.*"], "enabled": True}),
        _asked("POST", f"{hook}/rotate", {"grace_seconds": 3600}),
        _asked("POST", f"{hook}/test"),
        _asked("DELETE", hook),
    ]
