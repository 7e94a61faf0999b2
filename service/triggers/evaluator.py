"""The loop that evaluates triggers: lease one, observe it outside any session, fire where the lease still stands."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from service.core.background_loop import log_step_failure
from service.core.clock import Clock, utc_now
from service.core.errors import InvalidError
from service.jobs.automatic import compose_automatic, stored_spec
from service.jobs.data_roots import check_spec
from service.schemas.conditions import Check, Facts, QuietHours
from service.schemas.triggers import TriggerSettings
from service.settings import Settings
from service.store import events, jobs, models, triggers
from service.store.tables import Trigger, TriggerEvaluation
from service.triggers.condition import Condition, Observation, ObservationError
from service.triggers.gating_rules import GatingRules, all_checks, summarize
from service.triggers.kinds import read_options, stored_condition
from trainers.spec import JobSpec

AGAIN = timedelta(hours=1)  # how old the record of an unchanged evaluation becomes before the next is recorded
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class TriggerDecision:
    """What came of an evaluation of `facts`. `spec` is there where the trigger fires and a job can be made."""

    checks: list[Check]
    observation: Observation
    facts: Facts | None = None
    spec: JobSpec | None = None
    error: str | None = None

    @property
    def fires(self) -> bool:
        return self.error is None and all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """In one line; where nothing was checked, what was observed."""
        return self.error or (summarize(self.checks) if self.checks else self.observation.reason)


def rules_of(trigger: Trigger | TriggerSettings) -> GatingRules:
    """Of a trigger as it is stored, or as it is sent."""
    quiet = trigger.quiet_hours
    hours = QuietHours.model_validate(quiet) if isinstance(quiet, dict) else quiet
    return GatingRules(enabled=trigger.enabled, cooldown_seconds=trigger.cooldown_seconds, quiet_hours=hours)


def trigger_facts(session: Session, trigger: Trigger) -> Facts:
    """What a trigger has done, and what it remembers."""
    running = triggers.unfinished_job(session, trigger.id)
    known = {"fired_at": trigger.fired_at, "last_partition": trigger.state.get("partition"), "running_job": running}
    return Facts(**{name: each for name, each in known.items() if each is not None})


def evaluate(condition: Condition[Any], rules: GatingRules, facts: Facts, now: datetime) -> TriggerDecision:
    """Whether a trigger of this condition fires on these facts, and why. Changes nothing."""
    observation = condition.observe(facts, now)
    return TriggerDecision(checks=all_checks(rules, observation, facts, now), observation=observation)


def run_within(seconds: float, work: Callable[[], Result]) -> Result:
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
                log_step_failure("trigger", error, trigger_id=trigger_id)
        return len(due)

    def _due_before(self) -> datetime:
        return self.now() - timedelta(seconds=self.settings.trigger_seconds)

    def _evaluate(self, trigger_id: str) -> None:
        now, lease = self.now(), self.settings.lease_seconds
        with self.sessions.begin() as session:
            trigger = triggers.lease(session, trigger_id, self.owner, now, lease, self._due_before())
            if trigger is None:
                return
            condition = stored_condition(trigger.kind, trigger.settings)
            facts = trigger_facts(session, trigger).over(condition.stored_facts(session, trigger.model, now))
        decision = self._decide(trigger, condition, facts, now)
        with self.sessions.begin() as session:
            if decision.fires:
                models.get_locked(session, trigger.model)  # triggers of one model fire one after the other
            current = triggers.get_if_leased(session, trigger_id, self.owner, self.now())
            if current is not None and current.enabled and current.version == trigger.version:
                conclude(session, current, _again(session, current, condition, decision, now), now)

    def _decide(self, trigger: Trigger, condition: Condition[Any], facts: Facts, now: datetime) -> TriggerDecision:
        rules = rules_of(trigger)
        try:
            complete = run_within(self.settings.observe_seconds, lambda: condition.gather_facts(self.settings, facts))
        except ObservationError as error:
            return TriggerDecision(
                checks=[], observation=Observation(False, "", {"error": str(error)}), error=str(error)
            )
        decision = replace(evaluate(condition, rules, complete, now), facts=complete)
        if not decision.fires:
            return decision
        return with_spec(self.sessions, self.settings, trigger, decision)


def _again(
    session: Session, trigger: Trigger, condition: Condition[Any], decision: TriggerDecision, now: datetime
) -> TriggerDecision:
    """The decision; where it fires, decided again by what the store knows now: another trigger, a schedule or somebody
    may have started a selection meanwhile.
    """
    if not decision.fires or decision.facts is None:
        return decision
    facts = condition.stored_facts(session, trigger.model, now).over(decision.facts)
    found = evaluate(condition, rules_of(trigger), facts, now)
    return decision if found.fires else found


def with_spec(
    sessions: sessionmaker[Session], settings: Settings, trigger: Trigger, decision: TriggerDecision
) -> TriggerDecision:
    """With the spec of the job that is to be made, or why none can be. Follows links: not for a transaction."""
    try:
        with sessions() as session:
            spec = compose_automatic(session, trigger.model, trigger.overrides, decision.observation.partition)
        check_spec(spec, settings)
        stored_spec(spec)
    except InvalidError as error:
        observed = {**decision.observation.observed, "error": str(error)}
        return TriggerDecision(checks=decision.checks, observation=Observation(False, "", observed), error=str(error))
    return replace(decision, spec=spec)


def conclude(
    session: Session, trigger: Trigger, decision: TriggerDecision, now: datetime, by: str | None = None
) -> TriggerEvaluation | None:
    """Record an evaluation, and fire where it says so, in one transaction; None where nothing is new.

    Args:
        trigger: locked by this transaction.
        by: who asked for it; recorded then in any case.
    """
    trigger.evaluated_at, trigger.lease_until = now, None
    fires, observation = decision.fires, decision.observation
    if fires or observation.start:
        trigger.state = {**trigger.state, **observation.state}
    if not fires and by is None and not _has_changed(session, trigger, decision, now):
        return None
    evaluation = triggers.add_evaluation(
        session,
        trigger,
        now,
        fired=fires,
        dry_run=trigger.dry_run,
        reason=decision.reason,
        observed=observation.observed,
    )
    if fires:
        trigger.fired_at = now
        if not trigger.dry_run and decision.spec is not None:
            evaluation.job_id = _submit(session, trigger, decision.spec, now, by or trigger.created_by)
    if fires or decision.error is not None:
        _record_event(session, trigger, evaluation, decision, now)
    return evaluation


def _has_changed(session: Session, trigger: Trigger, decision: TriggerDecision, now: datetime) -> bool:
    last = triggers.newest_evaluation(session, trigger.id)
    return last is None or last.fired or last.reason != decision.reason or now - last.time >= AGAIN


def _submit(session: Session, trigger: Trigger, spec: JobSpec, now: datetime, by: str) -> str:
    title = read_options(trigger.kind, trigger.settings).title
    origin = {"kind": "trigger", "id": trigger.id, "name": title}
    return jobs.create(session, stored_spec(spec), now, origin=origin, submitted_by=by, model=trigger.model).id


def _record_event(
    session: Session, trigger: Trigger, evaluation: TriggerEvaluation, decision: TriggerDecision, now: datetime
) -> None:
    data = {
        "trigger": trigger.id,
        "kind": trigger.kind,
        "fired": evaluation.fired,
        "dry_run": trigger.dry_run,
        "reason": decision.reason,
        "observed": decision.observation.observed,
        "job": evaluation.job_id,
    }
    events.record(session, "trigger.evaluated", data, now, job_id=evaluation.job_id, model=trigger.model)
