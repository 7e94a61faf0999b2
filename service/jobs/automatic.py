"""From the overrides of a trigger or a schedule to a job that nobody submits by hand."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.errors import FieldError, InvalidError, InvalidFieldsError
from service.core.partitions import PLACEHOLDER, fill_partition, has_placeholder
from service.jobs.compose import compose
from service.jobs.data_roots import check_spec
from service.jobs.default_spec import SOME_FEATURES
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from service.store import models
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
    chosen = [
        {**feature.spec, "name": feature.name, "column": feature.column, "status": feature.status}
        for feature in models.features(session, model.name, models.IN_JOBS)
    ]
    session.commit()  # following links may take long, and waits for no other request
    whole = merge_patch(model.spec, fill_partition(overrides, "/" if partition is None else partition))
    whole = {"name": model.name, **whole, "features": chosen or SOME_FEATURES}
    try:
        spec = JobSpec.model_validate(whole)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error, under=("overrides",), body={"overrides": whole}) from None
    if chosen:
        try:
            require_consistent(spec)
        except SpecError as error:
            raise InvalidError("invalid-spec", f"overrides: {error}") from None
    check_spec(spec if partition is not None else _known_places(spec, overrides), settings)


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
