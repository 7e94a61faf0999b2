"""`/v1/models/{model}/triggers`: conditions that start a selection, and their evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from service.api.auth import Reader, Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import UNCHANGED, IfMatch, IfNoneMatch, answer_if_new, etag, require_match, tag_of
from service.api.openapi import problems
from service.core.errors import ConflictError, InvalidError, NotFoundError
from service.core.partitions import PLACEHOLDER, has_placeholder
from service.jobs.automatic import SOME_DAY, check_overrides
from service.schemas.automatic import apply_patch
from service.schemas.common import BIGGEST
from service.schemas.conditions import Check, Facts, Freshness, When
from service.schemas.triggers import (
    EvaluationPage,
    EvaluationView,
    Explanation,
    FireRequest,
    TriggerPage,
    TriggerPatch,
    TriggerSettings,
    TriggerView,
    WhatIf,
)
from service.settings import Settings
from service.store import triggers
from service.store.tables import Trigger
from service.triggers.condition import Condition, Observation, ObservationError
from service.triggers.evaluator import TriggerDecision, conclude, rules_of, run_within, trigger_facts, with_spec
from service.triggers.evaluator import evaluate as evaluate_condition
from service.triggers.gating_rules import GatingRules, gating_checks
from service.triggers.kinds import condition_of, read_options, stored_condition

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}/triggers", tags=["triggers"])


def trigger_of(trigger_id: str, model: ModelDep, session: SessionDep, caller: Reader) -> Trigger:
    return _found(triggers.find(session, model.name, trigger_id), trigger_id)


def locked_trigger(trigger_id: str, model: ModelDep, session: SessionDep, caller: Submitter) -> Trigger:
    return _found(triggers.find(session, model.name, trigger_id, lock=True), trigger_id)


def _found(trigger: Trigger | None, trigger_id: str) -> Trigger:
    if trigger is None:
        raise NotFoundError("trigger-not-found", f"this model has no trigger {trigger_id!r}; list those it has")
    return trigger


TriggerDep = Annotated[Trigger, Depends(trigger_of)]
LockedTriggerDep = Annotated[Trigger, Depends(locked_trigger)]


def sessions_of(request: Request) -> sessionmaker[Session]:
    sessions: sessionmaker[Session] = request.app.state.sessions
    return sessions


SessionsDep = Annotated[sessionmaker[Session], Depends(sessions_of)]


def trigger_view(trigger: Trigger, response: Response | None = None) -> TriggerView:
    if response is not None:
        response.headers["ETag"] = etag(trigger.version)
    columns = ("overrides", "enabled", "dry_run", "cooldown_seconds", "quiet_hours", "id", "model", "state", "version")
    times = ("created_by", "created_at", "updated_at", "evaluated_at", "fired_at")
    values = {name: getattr(trigger, name) for name in (*columns, *times)}
    return TriggerView.model_validate({**values, "when": read_options(trigger.kind, trigger.settings)})


def _columns(settings: TriggerSettings) -> dict[str, Any]:
    """What is stored of a trigger's settings."""
    plain = settings.model_dump(mode="json", exclude={"when"})
    return {**plain, "kind": settings.when.kind, "settings": settings.when.model_dump(mode="json", exclude={"kind"})}


def _explanation(decision: TriggerDecision) -> Explanation:
    return Explanation(
        fires=decision.fires,
        reason=decision.reason,
        checks=decision.checks,
        observed=decision.observation.observed,
        error=decision.error,
    )


def _some_partition(when: When) -> str | None:
    """What `{partition}` may stand for; None where whoever starts the job says so."""
    return when.pattern.replace("*", SOME_DAY) if isinstance(when, Freshness) else None


@router.post("", status_code=201, operation_id="createTrigger", responses=problems(400, 404, 422))
def create(
    body: TriggerSettings,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
) -> TriggerView:
    """Start selections of this model by a condition."""
    check_overrides(session, model, body.overrides, settings, _some_partition(body.when))
    condition_of(body.when).check(settings)
    made = triggers.create(session, model=model.name, by=caller.name, now=now, **_columns(body))
    response.headers["Location"] = f"/v1/models/{model.name}/triggers/{made.id}"
    return trigger_view(made, response)


@router.get("", operation_id="listTriggers", responses=problems(404, 422))
def listing(
    model: ModelDep,
    session: SessionDep,
    caller: Reader,
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TriggerPage:
    """The triggers of a model."""
    found = triggers.page(session, model.name, cursor, limit + 1)
    page = found[:limit]
    return TriggerPage(triggers=list(map(trigger_view, page)), next=page[-1].number if len(found) > limit else None)


@router.post("/what-if", operation_id="askWhatIf", responses=problems(400, 404, 422))
def what_if(
    body: WhatIf, model: ModelDep, session: SessionDep, settings: SettingsDep, caller: Submitter, now: NowDep
) -> Explanation:
    """Whether such a trigger would fire under such facts, and why. Nothing is stored, nothing starts."""
    when = condition_of(body.trigger.when)
    facts = _complete(session, when, Facts(), body.facts, model.name, now)
    session.commit()  # what is asked elsewhere may take long, and waits for no other request
    when.check(settings)
    return _explain(settings, when, rules_of(body.trigger), facts, now)


@router.get("/{trigger_id}", operation_id="getTrigger", responses={**problems(404), **UNCHANGED})
def read(trigger: TriggerDep, caller: Reader, response: Response, if_none_match: IfNoneMatch = None) -> TriggerView:
    """A trigger as it stands."""
    view = trigger_view(trigger)
    answer_if_new(if_none_match, tag_of(view, trigger.version), response)
    return view


@router.patch("/{trigger_id}", operation_id="changeTrigger", responses=problems(400, 404, 412, 422))
def patch(
    body: TriggerPatch,
    trigger: TriggerDep,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> TriggerView:
    """Change a trigger. One with a new condition remembers nothing; the end of its dry runs ends their cooldown."""
    enables = not trigger.enabled and body.enabled is not False and "enabled" in body.model_fields_set
    if enables or "overrides" in body.model_fields_set:
        overrides = (body.overrides or {}) if "overrides" in body.model_fields_set else trigger.overrides
        when = body.when or read_options(trigger.kind, trigger.settings)
        check_overrides(session, model, overrides, settings, _some_partition(when))
    if body.when is not None:
        session.commit()  # following links may take long, and waits for no other request
        condition_of(body.when).check(settings)
    trigger = _found(triggers.find(session, trigger.model, trigger.id, lock=True), trigger.id)
    require_match(if_match, etag(trigger.version))
    present = trigger_view(trigger).model_dump(include=set(TriggerSettings.model_fields))
    columns = _columns(apply_patch(TriggerSettings, present, body))
    before = {name: getattr(trigger, name) for name in columns}
    if columns != before:
        if (columns["kind"], columns["settings"]) != (trigger.kind, trigger.settings):
            trigger.state = {}
        if trigger.dry_run and not columns["dry_run"]:
            trigger.fired_at = None
        for name, value in columns.items():
            setattr(trigger, name, value)
        trigger.version += 1
        trigger.updated_at = now
    return trigger_view(trigger, response)


@router.delete("/{trigger_id}", status_code=204, operation_id="deleteTrigger", responses=problems(404, 412))
def delete(trigger: LockedTriggerDep, session: SessionDep, caller: Submitter, if_match: IfMatch = None) -> None:
    """Forget a trigger and its evaluations. Jobs that it started stay."""
    require_match(if_match, etag(trigger.version))
    session.delete(trigger)


@router.post("/{trigger_id}/evaluate", operation_id="explainTrigger", responses=problems(400, 404, 422))
def evaluate(
    trigger: TriggerDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    body: Facts | None = None,
) -> Explanation:
    """Whether it would fire now, or under such facts, and why. Nothing is recorded, nothing starts."""
    when = stored_condition(trigger.kind, trigger.settings)
    facts = _complete(session, when, trigger_facts(session, trigger), body or Facts(), trigger.model, now)
    session.commit()  # what is asked elsewhere may take long, and waits for no other request
    return _explain(settings, when, rules_of(trigger), facts, now)


@router.post("/{trigger_id}/fire", status_code=202, operation_id="fireTrigger", responses=problems(400, 404, 409, 422))
def fire(
    trigger: TriggerDep,
    session: SessionDep,
    sessions: SessionsDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    body: FireRequest | None = None,
) -> EvaluationView:
    """Fire it now, whatever its condition and kind. In dry-run mode that is recorded, and no job is made."""
    asked = body or FireRequest()
    if has_placeholder(trigger.overrides) and not asked.partition:
        raise InvalidError("no-partition", f"partition: the overrides hold {PLACEHOLDER}; say what it stands for")
    session.commit()  # following links may take long, and waits for no other request
    said = Check(name="condition", passed=True, detail=f"fired by {caller.name}")
    observation = Observation(True, said.detail, {"by": caller.name}, partition=asked.partition)
    decision = with_spec(sessions, settings, trigger, TriggerDecision(checks=[said], observation=observation))
    if decision.error is not None:
        raise InvalidError("invalid-spec", decision.error)
    current = _found(triggers.find(session, trigger.model, trigger.id, lock=True), trigger.id)
    _refuse_gated(session, current, asked, now)
    return EvaluationView.model_validate(conclude(session, current, decision, now, by=caller.name))


def _refuse_gated(session: SessionDep, trigger: Trigger, asked: FireRequest, now: datetime) -> None:
    """Raises ConflictError."""
    if not trigger.enabled:
        raise ConflictError("trigger-held", "the trigger is disabled; enable it first")
    for check in gating_checks(rules_of(trigger), trigger_facts(session, trigger), now):
        if not check.passed and (check.name == "running_job" or not asked.force):
            remedy = "wait for it, or cancel it" if check.name == "running_job" else "wait, or send `force`"
            raise ConflictError("trigger-held", f"{check.detail}; {remedy}")


def _complete(session: SessionDep, when: Condition[Any], own: Facts, given: Facts, model: str, now: datetime) -> Facts:
    """Given facts, and of those not given what is so at the time they give."""
    return given.over(when.stored_facts(session, model, given.time or now).over(own))


def _explain(settings: Settings, when: Condition[Any], rules: GatingRules, facts: Facts, now: datetime) -> Explanation:
    try:
        complete = run_within(settings.observe_seconds, lambda: when.gather_facts(settings, facts))
    except ObservationError as error:
        observation = Observation(False, "", {"error": str(error)})
        return _explanation(TriggerDecision(checks=[], observation=observation, error=str(error)))
    return _explanation(evaluate_condition(when, rules, complete, complete.time or now))


@router.get("/{trigger_id}/evaluations", operation_id="listEvaluations", responses=problems(404, 422))
def evaluations(
    trigger: TriggerDep,
    session: SessionDep,
    caller: Reader,
    fired: Annotated[bool | None, Query(description="only those that fired, or that didn't")] = None,
    cursor: Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EvaluationPage:
    """What a trigger saw. One that finds the same again is recorded once an hour."""
    found = triggers.evaluations(session, trigger.id, fired, cursor, limit + 1)
    page = found[:limit]
    return EvaluationPage(
        evaluations=[EvaluationView.model_validate(each) for each in page],
        next=page[-1].number if len(found) > limit else None,
    )
