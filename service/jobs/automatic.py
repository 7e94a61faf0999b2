"""From the overrides of a trigger or a schedule to a job that nobody submits by hand."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.errors import FieldError, InvalidError, InvalidFieldsError
from service.core.partitions import PLACEHOLDER, fill_partition, has_placeholder
from service.core.statuses import IN_JOBS
from service.jobs.compose import compose
from service.jobs.data_roots import check_spec
from service.jobs.default_spec import SOME_FEATURES
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from service.store import models, schedules, triggers
from service.store.tables import Model
from trainers.spec import JobSpec, SpecError, merge_patch, require_consistent

# A day like any that a job could be of.
SOME_DAY = "2026-01-01"
PLACEHOLDERS = re.compile(r"\{[^{}]*\}")


def compose_automatic(session: Session, model: str, overrides: dict[str, Any], partition: str) -> JobSpec:
    """The spec of a job of `model` now, `partition` filled into the overrides. Raises InvalidError."""
    found = models.find(session, model)
    if found is None:
        raise InvalidError("invalid-spec", f"there is no model {model!r}")
    try:
        return compose(session, found, fill_partition(overrides, partition))
    except SpecError as error:
        raise InvalidError("invalid-spec", str(error)) from None


def check_overrides(
    session: Session, model: Model, overrides: dict[str, Any], settings: Settings, partition: str | None = SOME_DAY
) -> None:
    """Lay the overrides of a trigger or a schedule over the model's spec, and hold the whole against what a job needs.

    The features may still be registered; all else has to be there. Ends the session's transaction.

    Args:
        partition: one that `{partition}` may stand for; None where only whoever starts the job knows, so that places
            that hold it can't be checked.

    Raises:
        InvalidFieldsError: what isn't a spec's, or has another placeholder than `{partition}`.
        InvalidError: parts that exclude each other, or a place that the operator doesn't allow.
    """
    _refuse_placeholders(overrides)
    chosen = _features_in_jobs(session, model.name)
    session.commit()  # following links may take long, and waits for no other request
    spec = _overridden_spec(model.name, model.spec, overrides, chosen, "/" if partition is None else partition)
    check_spec(spec if partition is not None else _known_places(spec, overrides), settings)


def _features_in_jobs(session: Session, model: str) -> list[dict[str, Any]]:
    return [
        {**feature.spec, "name": feature.name, "column": feature.column, "status": feature.status}
        for feature in models.features(session, model, IN_JOBS)
    ]


def _overridden_spec(
    name: str, spec: dict[str, Any], overrides: dict[str, Any], features: list[dict[str, Any]], partition: str
) -> JobSpec:
    """Raises InvalidFieldsError or InvalidError for what no job could have."""
    whole = merge_patch(spec, fill_partition(overrides, partition))
    whole = {"name": name, **whole, "features": features or SOME_FEATURES}
    try:
        found = JobSpec.model_validate(whole)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error, under=("overrides",), body={"overrides": whole}) from None
    if features:
        try:
            require_consistent(found)
        except SpecError as error:
            raise InvalidError("invalid-spec", f"overrides: {error}") from None
    return found


def refuse_breaking_spec(session: Session, model: Model, spec: dict[str, Any]) -> None:
    """Lay what starts jobs of a model by itself over another spec of the model, before that is stored.

    Paused schedules and disabled triggers start nothing, and are checked when they are to start jobs again. Those
    that couldn't run by the present spec either aren't the change's fault.

    Raises:
        InvalidFieldsError: for each schedule and trigger that could run no job any more, which and why.
    """
    features = _features_in_jobs(session, model.name)

    def problem(spec: dict[str, Any], overrides: dict[str, Any]) -> str | None:
        try:
            _overridden_spec(model.name, spec, overrides, features, "/")
        except InvalidError as error:
            return str(error)
        return None

    starters = [
        *(
            (f"schedule {each.name!r} ({each.id})", "pause", each.overrides)
            for each in schedules.running(session, model.name)
        ),
        *((f"trigger {each.id}", "disable", each.overrides) for each in triggers.enabled(session, model.name)),
    ]
    broken = [
        FieldError(field="spec", message=f"{told} could run no job: {why}; change its overrides, or {rest} it, first")
        for told, rest, overrides in starters
        if (why := problem(spec, overrides)) and problem(model.spec, overrides) is None
    ]
    if broken:
        raise InvalidFieldsError(broken)


def _known_places(spec: JobSpec, overrides: dict[str, Any]) -> JobSpec:
    """The spec without the places that hold a partition."""
    dataset = overrides.get("dataset") or {}
    unknown = {name: None for name in ("train", "validation", "test") if has_placeholder(dataset.get(name))}
    output = None if has_placeholder(overrides.get("output")) else spec.output
    return spec.model_copy(update={"dataset": spec.dataset.model_copy(update=unknown), "output": output})


def _refuse_placeholders(part: Any, place: str = "overrides") -> None:
    """Raises InvalidFieldsError for a path that would be taken as it is."""
    if isinstance(part, str) and (found := PLACEHOLDERS.search(part.replace(PLACEHOLDER, ""))):
        message = f"{found[0]} is filled with nothing; the only placeholder is {PLACEHOLDER}"
        raise InvalidFieldsError([FieldError(field=place, value=part, message=message)])
    if isinstance(part, dict):
        for key, each in part.items():
            _refuse_placeholders(each, f"{place}.{key}")


def stored_spec(spec: JobSpec) -> dict[str, Any]:
    """What is stored of a spec. Raises InvalidFieldsError."""
    content = spec.model_dump(mode="json")
    refuse_unstorable(content)
    return content
