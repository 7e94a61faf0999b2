"""Whether a trigger fires: its condition, and the rules that keep it from firing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.schemas.conditions import Check, Facts, QuietHours
from service.triggers.condition import Observation
from service.triggers.quiet_hours import is_quiet


@dataclass(frozen=True, kw_only=True)
class GatingRules:
    """What keeps a trigger of any kind from firing."""

    enabled: bool
    cooldown_seconds: int
    quiet_hours: QuietHours | None


def gating_checks(rules: GatingRules, facts: Facts, now: datetime) -> Iterator[Check]:
    """Quiet hours, cooldown, and a job of this trigger that hasn't ended."""
    quiet = rules.quiet_hours
    if quiet is not None:
        hours = f"{quiet.start} to {quiet.end} ({quiet.timezone})"
        yield Check(name="quiet_hours", passed=not is_quiet(quiet, now), detail=f"quiet hours are from {hours}")
    until = None if facts.fired_at is None else facts.fired_at + timedelta(seconds=rules.cooldown_seconds)
    detail = "hasn't fired before" if until is None else f"cooldown is until {until:%Y-%m-%dT%H:%M:%SZ}"
    yield Check(name="cooldown", passed=until is None or now >= until, detail=detail)
    job = facts.running_job
    detail = f"job {job} of this trigger hasn't ended" if job else "no job of this trigger runs"
    yield Check(name="running_job", passed=not job, detail=detail)


def all_checks(rules: GatingRules, observation: Observation, facts: Facts, now: datetime) -> list[Check]:
    """All checks in order; the trigger fires where each is passed."""
    enabled = Check(name="enabled", passed=rules.enabled, detail="enabled" if rules.enabled else "disabled")
    condition = Check(name="condition", passed=observation.met, detail=observation.reason)
    return [enabled, condition, *gating_checks(rules, facts, now)]


def summarize(checks: list[Check]) -> str:
    """In one line: what was observed, and the first check that failed."""
    observed = next(check.detail for check in checks if check.name == "condition")
    against = [check.detail for check in checks if not check.passed]
    return observed if not against or against[0] == observed else f"{observed}; but {against[0]}"
