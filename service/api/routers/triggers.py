"""`/v1/models/{model}/triggers`: conditions that start a selection, and their evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from service.api.auth import Reader, Submitter
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import IfMatch, etag, require_match
from service.api.problems import ApiError
from service.core.partitions import PLACE, has_place
from service.schemas.automatic import patched
from service.schemas.common import BIGGEST, problems
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
    shown,
)
from service.settings import Settings
from service.store import triggers
from service.store.tables import Trigger
from service.triggers.condition import Condition, Facts, Observation, ObservationError
from service.triggers.evaluator import Verdict, conclude, judge, own_facts, rules_of, specified, within
from service.triggers.gating_rules import Check, Rules, holds
from service.triggers.kinds import condition_of

router = APIRouter(prefix="/v1/models/{model}/triggers", tags=["triggers"])


def trigger_of(trigger_id: str, model: ModelDep, session: SessionDep, caller: Reader) -> Trigger:
    return _found(triggers.find(session, model.name, trigger_id), trigger_id)


def locked_trigger(trigger_id: str, model: ModelDep, session: SessionDep, caller: Submitter) -> Trigger:
    return _found(triggers.find(session, model.name, trigger_id, lock=True), trigger_id)


def _found(trigger: Trigger | None, trigger_id: str) -> Trigger:
    if trigger is None:
        raise ApiError(404, "trigger-not-found", f"this model has no trigger {trigger_id!r}; list those it has")
    return trigger


TriggerDep = Annotated[Trigger, Depends(trigger_of)]
LockedTriggerDep = Annotated[Trigger, Depends(locked_trigger)]


def sessions_of(request: Request) -> sessionmaker[Session]:
    sessions: sessionmaker[Session] = request.app.state.sessions
    return sessions


SessionsDep = Annotated[sessionmaker[Session], Depends(sessions_of)]


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
    session.commit()  # following links may take long, and waits for no other request
    body.when.check(settings)
    made = triggers.create(session, model=model.name, by=caller.name, now=now, **body.columns())
    response.headers["Location"] = f"/v1/models/{model.name}/triggers/{made.id}"
    return shown(made, response)


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
    return TriggerPage(triggers=list(map(shown, page)), next=page[-1].number if len(found) > limit else None)


@router.post("/what-if", operation_id="askWhatIf", responses=problems(400, 404, 422))
def what_if(
    body: WhatIf, model: ModelDep, session: SessionDep, settings: SettingsDep, caller: Submitter, now: NowDep
) -> Explanation:
    """Whether such a trigger would fire under such facts, and why. Nothing is stored, nothing starts."""
    when = body.trigger.when
    facts = _supposed(session, when, Facts(), body.facts, model.name, now)
    session.commit()  # what is asked elsewhere may take long, and waits for no other request
    when.check(settings)
    return _explained(settings, when, body.trigger.rules, facts, now)


@router.get("/{trigger_id}", operation_id="getTrigger", responses=problems(404))
def read(trigger: TriggerDep, caller: Reader, response: Response) -> TriggerView:
    """A trigger as it stands."""
    return shown(trigger, response)


@router.patch("/{trigger_id}", operation_id="changeTrigger", responses=problems(400, 404, 412, 422))
def patch(
    body: TriggerPatch,
    trigger: TriggerDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> TriggerView:
    """Change a trigger. One with a new condition remembers nothing; the end of its dry runs ends their cool-down."""
    if body.when is not None:
        session.commit()  # following links may take long, and waits for no other request
        body.when.check(settings)
    trigger = _found(triggers.find(session, trigger.model, trigger.id, lock=True), trigger.id)
    require_match(if_match, etag(trigger.version))
    present = shown(trigger).model_dump(include=set(TriggerSettings.model_fields))
    columns = patched(TriggerSettings, present, body).columns()
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
    return shown(trigger, response)


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
    when = condition_of(trigger.kind, trigger.settings)
    facts = _supposed(session, when, own_facts(session, trigger), body or Facts(), trigger.model, now)
    session.commit()  # what is asked elsewhere may take long, and waits for no other request
    return _explained(settings, when, rules_of(trigger), facts, now)


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
    if has_place(trigger.overrides) and not asked.partition:
        raise ApiError(422, "no-partition", f"partition: the overrides hold {PLACE}; say what it stands for")
    session.commit()  # following links may take long, and waits for no other request
    said = Check(name="condition", passed=True, detail=f"fired by {caller.name}")
    observation = Observation(True, said.detail, {"by": caller.name}, partition=asked.partition)
    verdict = specified(sessions, settings, trigger, Verdict(asked=[said], observation=observation))
    if verdict.error is not None:
        raise ApiError(422, "invalid-spec", verdict.error)
    current = _found(triggers.find(session, trigger.model, trigger.id, lock=True), trigger.id)
    _refuse_held(session, current, asked, now)
    return EvaluationView.model_validate(conclude(session, current, verdict, now, by=caller.name))


def _refuse_held(session: SessionDep, trigger: Trigger, asked: FireRequest, now: datetime) -> None:
    """Raises ApiError 409."""
    if not trigger.enabled:
        raise ApiError(409, "trigger-held", "the trigger is disabled; enable it first")
    for check in holds(rules_of(trigger), own_facts(session, trigger), now):
        if not check.passed and (check.name == "running_job" or not asked.force):
            remedy = "wait for it, or cancel it" if check.name == "running_job" else "wait, or send `force`"
            raise ApiError(409, "trigger-held", f"{check.detail}; {remedy}")


def _supposed(session: SessionDep, when: Condition, own: Facts, given: Facts, model: str, now: datetime) -> Facts:
    """Given facts, and of those not given what is so at the time they give."""
    return given.over(when.known(session, model, given.time or now).over(own))


def _explained(settings: Settings, when: Condition, rules: Rules, facts: Facts, now: datetime) -> Explanation:
    try:
        seen = within(settings.observe_seconds, lambda: when.look(settings, facts))
    except ObservationError as error:
        observation = Observation(False, "", {"error": str(error)})
        return Explanation.of(Verdict(asked=[], observation=observation, error=str(error)))
    return Explanation.of(judge(when, rules, seen, seen.time or now))


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
