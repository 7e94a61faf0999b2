"""Whether a trigger fires: what was observed, beside what holds it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from service.triggers.condition import Facts, Observation
from service.triggers.quiet_hours import QuietHours


class Check(BaseModel):
    """One question that decides."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "cooldown", "passed": True, "detail": "never fired"}]}
    )

    name: str = Field(description="enabled, condition, quiet_hours, cooldown or running_job")
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may hold any kind of trigger back."""

    enabled: bool
    cooldown_seconds: int
    quiet_hours: QuietHours | None


def holds(rules: Rules, facts: Facts, now: datetime) -> Iterator[Check]:
    """Quiet hours, cool-down, and a job of this trigger that hasn't ended."""
    quiet = rules.quiet_hours
    if quiet is not None:
        hours = f"{quiet.start} to {quiet.end} ({quiet.timezone})"
        yield Check(name="quiet_hours", passed=not quiet.cover(now), detail=f"quiet hours are from {hours}")
    until = None if facts.fired_at is None else facts.fired_at + timedelta(seconds=rules.cooldown_seconds)
    detail = "hasn't fired before" if until is None else f"cool-down is until {until:%Y-%m-%dT%H:%M:%SZ}"
    yield Check(name="cooldown", passed=until is None or now >= until, detail=detail)
    job = facts.running_job
    detail = f"job {job} of this trigger hasn't ended" if job else "no job of this trigger runs"
    yield Check(name="running_job", passed=not job, detail=detail)


def checks(rules: Rules, observation: Observation, facts: Facts, now: datetime) -> list[Check]:
    """All questions in order; the trigger fires where each is passed."""
    enabled = Check(name="enabled", passed=rules.enabled, detail="enabled" if rules.enabled else "disabled")
    condition = Check(name="condition", passed=observation.met, detail=observation.reason)
    return [enabled, condition, *holds(rules, facts, now)]


def reason(asked: list[Check]) -> str:
    """In one line: what was observed, and the first thing that holds it back."""
    observed = next(check.detail for check in asked if check.name == "condition")
    against = [check.detail for check in asked if not check.passed]
    return observed if not against or against[0] == observed else f"{observed}; but {against[0]}"
