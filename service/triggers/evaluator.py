"""Evaluating triggers: lease one, look outside any session, judge and fire where the lease still stands."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from service.core.background_loop import trouble
from service.core.clock import Clock, utc_now
from service.jobs.automatic import RefusedError, check_places, composed, content
from service.settings import Settings
from service.store import events, jobs, triggers
from service.store.tables import Trigger, TriggerEvaluation
from service.triggers.condition import Condition, Facts, Observation, ObservationError
from service.triggers.gating_rules import Check, Rules, checks, reason
from service.triggers.kinds import condition_of
from service.triggers.quiet_hours import QuietHours
from trainers.spec import JobSpec

AGAIN = timedelta(hours=1)  # how old the record of an unchanged evaluation becomes before the next is recorded
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of an evaluation. `spec` is there where it fires and a job can be made."""

    asked: list[Check]
    observation: Observation
    spec: JobSpec | None = None
    error: str | None = None

    @property
    def fires(self) -> bool:
        return self.error is None and all(check.passed for check in self.asked)

    @property
    def reason(self) -> str:
        """Of one that was fired by hand, which asks no questions, who fired it."""
        return self.error or (reason(self.asked) if self.asked else self.observation.reason)


def rules_of(trigger: Trigger) -> Rules:
    quiet = None if trigger.quiet_hours is None else QuietHours.model_validate(trigger.quiet_hours)
    return Rules(enabled=trigger.enabled, cooldown_seconds=trigger.cooldown_seconds, quiet_hours=quiet)


def own_facts(session: Session, trigger: Trigger) -> Facts:
    """What a trigger has done, and what it remembers."""
    running = triggers.unfinished_job(session, trigger.id)
    known = {"fired_at": trigger.fired_at, "last_partition": trigger.state.get("partition"), "running_job": running}
    return Facts(**{name: each for name, each in known.items() if each is not None})


def judge(condition: Condition, rules: Rules, facts: Facts, now: datetime) -> Verdict:
    observation = condition.observe(facts, now)
    return Verdict(asked=checks(rules, observation, facts, now), observation=observation)


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """The result of work that may hang: it isn't waited for longer.

    Raises:
        ObservationError: it takes longer; or what the work raises.
    """
    done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, name="observation", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except Empty:
        raise ObservationError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    found: Result = result
    return found


class Evaluator:
    """One replica's loop. `owner` names it in leases."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings, now: Clock = utc_now) -> None:
        self.sessions, self.settings, self.now = sessions, settings, now
        self.owner = uuid.uuid4().hex

    def step(self) -> int:
        """Evaluate what is due; how many there were. One trigger's trouble never stops another's."""
        before = self._due_before()
        with self.sessions() as session:
            due = triggers.due(session, before)
        for trigger_id in due:
            try:
                self._evaluate(trigger_id)
            except Exception as error:
                trouble("trigger", error, trigger_id=trigger_id)
        return len(due)

    def _due_before(self) -> datetime:
        return self.now() - timedelta(seconds=self.settings.trigger_seconds)

    def _evaluate(self, trigger_id: str) -> None:
        now, lease = self.now(), self.settings.lease_seconds
        with self.sessions.begin() as session:
            trigger = triggers.lease(session, trigger_id, self.owner, now, lease, self._due_before())
            if trigger is None:
                return
            condition = condition_of(trigger.kind, trigger.settings)
            facts = own_facts(session, trigger).over(condition.known(session, trigger.model, now))
        verdict = self._judged(trigger, condition, facts, now)
        with self.sessions.begin() as session:
            current = triggers.held(session, trigger_id, self.owner, self.now())
            if current is not None and current.enabled and current.version == trigger.version:
                conclude(session, current, verdict, now)

    def _judged(self, trigger: Trigger, condition: Condition, facts: Facts, now: datetime) -> Verdict:
        rules = rules_of(trigger)
        try:
            seen = within(self.settings.observe_seconds, lambda: condition.look(self.settings, facts))
        except ObservationError as error:
            return Verdict(asked=[], observation=Observation(False, "", {"error": str(error)}), error=str(error))
        verdict = judge(condition, rules, seen, now)
        if not verdict.fires:
            return verdict
        return specified(self.sessions, self.settings, trigger, verdict)


def specified(sessions: sessionmaker[Session], settings: Settings, trigger: Trigger, verdict: Verdict) -> Verdict:
    """With the spec of the job that is to be made, or why none can be. Follows links: not for a transaction."""
    try:
        with sessions() as session:
            spec = composed(session, trigger.model, trigger.overrides, verdict.observation.partition)
        check_places(spec, settings)
        content(spec)
    except RefusedError as error:
        observed = {**verdict.observation.observed, "error": str(error)}
        return Verdict(asked=verdict.asked, observation=Observation(False, "", observed), error=str(error))
    return Verdict(asked=verdict.asked, observation=verdict.observation, spec=spec)


def conclude(
    session: Session, trigger: Trigger, verdict: Verdict, now: datetime, by: str | None = None
) -> TriggerEvaluation | None:
    """Record an evaluation, and fire where it says so, in one transaction; None where nothing is new.

    Args:
        trigger: locked by this transaction.
        by: who asked for it; recorded then in any case.
    """
    trigger.evaluated_at, trigger.lease_until = now, None
    fires, observation = verdict.fires, verdict.observation
    if fires or observation.start:
        trigger.state = {**trigger.state, **observation.state}
    if not fires and by is None and not _is_news(session, trigger, verdict, now):
        return None
    evaluation = triggers.add_evaluation(
        session,
        trigger,
        now,
        fired=fires,
        dry_run=trigger.dry_run,
        reason=verdict.reason,
        observed=observation.observed,
    )
    if fires:
        trigger.fired_at = now
        if not trigger.dry_run and verdict.spec is not None:
            evaluation.job_id = _submit(session, trigger, verdict.spec, now, by or trigger.created_by)
    if fires or verdict.error is not None:
        _tell(session, trigger, evaluation, verdict, now)
    return evaluation


def _is_news(session: Session, trigger: Trigger, verdict: Verdict, now: datetime) -> bool:
    last = triggers.newest_evaluation(session, trigger.id)
    return last is None or last.fired or last.reason != verdict.reason or now - last.time >= AGAIN


def _submit(session: Session, trigger: Trigger, spec: JobSpec, now: datetime, by: str) -> str:
    origin = {"kind": "trigger", "id": trigger.id}
    return jobs.create(session, content(spec), now, origin=origin, submitted_by=by, model=trigger.model).id


def _tell(session: Session, trigger: Trigger, evaluation: TriggerEvaluation, verdict: Verdict, now: datetime) -> None:
    data = {
        "trigger": trigger.id,
        "kind": trigger.kind,
        "fired": evaluation.fired,
        "dry_run": trigger.dry_run,
        "reason": verdict.reason,
        "observed": verdict.observation.observed,
        "job": evaluation.job_id,
    }
    events.record(session, "trigger.evaluated", data, now, job_id=evaluation.job_id, model=trigger.model)
