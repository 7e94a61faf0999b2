"""Triggers as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.automatic import Moment, Overrides
from service.schemas.common import RequestModel, StoredText
from service.schemas.conditions import Check, Facts, QuietHours, When

YEAR_SECONDS = 366 * 24 * 3600
SETTINGS: dict[str, Any] = {
    "when": {"kind": "candidates", "threshold": 30},
    "overrides": {"selector": {"target_dims": 0.7}},
    "enabled": True,
    "dry_run": False,
    "cooldown_seconds": 86400,
    "quiet_hours": {
        "start": "22:00",
        "end": "06:00",
        "timezone": "Europe/Berlin",
        "days": ["mon", "tue", "wed", "thu", "fri"],
    },
}
TRIGGER: dict[str, Any] = {
    "id": "trigger-5f0c2b7a9d1e4c3f8a6b",
    "model": "feed-ranker",
    **SETTINGS,
    "state": {},
    "version": 1,
    "created_by": "ranking-team",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "evaluated_at": "2026-01-01T12:00:00Z",
    "fired_at": None,
}
EVALUATION: dict[str, Any] = {
    "number": 12,
    "time": "2026-01-01T12:00:00Z",
    "fired": True,
    "dry_run": False,
    "reason": "31 candidates since the last selection, of 30 that start one",
    "observed": {"candidates": 31},
    "job_id": "job-5f0c2b7a9d1e4c3f8a6b",
}
CHECKS: list[dict[str, Any]] = [
    {"name": "enabled", "passed": True, "detail": "enabled"},
    {"name": "condition", "passed": True, "detail": EVALUATION["reason"]},
    {"name": "cooldown", "passed": True, "detail": "hasn't fired before"},
    {"name": "running_job", "passed": True, "detail": "no job of this trigger runs"},
]
EXPLANATION: dict[str, Any] = {
    "fires": True,
    "reason": EVALUATION["reason"],
    "checks": CHECKS,
    "observed": {"candidates": 31},
    "error": None,
}


class TriggerSettings(RequestModel):
    """When a selection starts by itself, and of what."""

    model_config = ConfigDict(json_schema_extra={"examples": [SETTINGS]})

    when: When = Field(description="the condition, by its kind")
    overrides: Overrides = Field(default={})
    enabled: bool = Field(default=True, description="a disabled trigger is not evaluated")
    dry_run: bool = Field(default=False, description="evaluate and record, but make no job")
    cooldown_seconds: int = Field(
        default=3600, ge=0, le=YEAR_SECONDS, description="how long it doesn't fire again after it has fired"
    )
    quiet_hours: QuietHours | None = Field(default=None, description="hours in which it doesn't fire")


class TriggerPatch(RequestModel):
    """What to change; what isn't named stays. `when`, `overrides` and `quiet_hours` are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dry_run": True, "cooldown_seconds": 7200}]})

    when: When | None = Field(default=None, description="can't be null")
    overrides: dict[str, Any] | None = Field(default=None, description="null: none")
    enabled: bool | None = Field(default=None, description="null: enabled")
    dry_run: bool | None = Field(default=None, description="null: no dry run")
    cooldown_seconds: int | None = Field(default=None, description="null: an hour")
    quiet_hours: QuietHours | None = Field(default=None, description="null: none")


class TriggerView(TriggerSettings):
    """A trigger as it stands."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [TRIGGER]})

    id: str
    model: str
    state: dict[str, Any] = Field(description="what it remembers: `partition`, the newest when it last fired")
    version: int = Field(description="rises with every change; the ETag")
    created_by: str
    created_at: datetime
    updated_at: datetime
    evaluated_at: datetime | None
    fired_at: datetime | None = Field(description="when it last fired, dry runs counted; cooldown begins there")


class TriggerPage(BaseModel):
    """In the order of their making; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"triggers": [TRIGGER], "next": None}]})

    triggers: list[TriggerView]
    next: int | None


class EvaluationView(BaseModel):
    """What a trigger saw, and why it fired or didn't."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EVALUATION]})

    number: int
    time: datetime
    fired: bool
    dry_run: bool = Field(description="it would have made a job, and didn't")
    reason: str
    observed: dict[str, Any]
    job_id: str | None


class EvaluationPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"evaluations": [EVALUATION], "next": None}]})

    evaluations: list[EvaluationView]
    next: int | None


class Explanation(BaseModel):
    """Whether a trigger would fire, and each question that decides."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXPLANATION]})

    fires: bool
    reason: str
    checks: list[Check] = Field(description="in order; empty where the condition can't be seen")
    observed: dict[str, Any]
    error: str | None = Field(description="why the condition can't be seen, or no job can be made")


class WhatIf(RequestModel):
    """A trigger that isn't stored, and what to suppose."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"trigger": SETTINGS, "facts": {"candidates": 31}}]})

    trigger: TriggerSettings
    facts: Facts = Facts()


class FireRequest(RequestModel):
    """How a trigger is fired by hand."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"force": True, "partition": "/data/clicks/dt=2026-01-01"}]}
    )

    force: bool = Field(default=False, description="fire in quiet hours and during cooldown too")
    partition: StoredText = Field(default="", description="what `{partition}` in the overrides stands for")


REPORT: dict[str, Any] = {"number": 5, "time": "2026-01-01T12:00:00Z", "p99_seconds": 0.043, "reported_by": "serving"}


class LatencyBody(RequestModel):
    """Serving latency as measured."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"p99_seconds": 0.043}]})

    p99_seconds: float = Field(gt=0, le=3600, allow_inf_nan=False, description="99th percentile")
    time: Moment | None = Field(default=None, description="when it was measured; now unless given")


class LatencyView(BaseModel):
    """A report."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [REPORT]})

    number: int
    time: datetime
    p99_seconds: float
    reported_by: str


class LatencyPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reports": [REPORT], "next": None}]})

    reports: list[LatencyView]
    next: int | None
