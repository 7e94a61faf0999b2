"""From the overrides of a trigger or a schedule to a job that nobody submits by hand."""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.orm import Session

from service.api.problems import ApiError
from service.core.partitions import filled
from service.jobs.compose import compose
from service.jobs.data_roots import check_spec
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from service.store import models
from trainers.spec import JobSpec, SpecError


class RefusedError(ValueError):
    """No job can be made of it; the message says why, and what to do."""


def composed(session: Session, model: str, overrides: dict[str, Any], partition: str) -> JobSpec:
    """The spec of a job of `model` now, `partition` filled into the overrides. Raises RefusedError."""
    found = models.find(session, model)
    if found is None:
        raise RefusedError(f"there is no model {model!r}")
    try:
        return compose(session, found, filled(overrides, partition))
    except SpecError as error:
        raise RefusedError(str(error)) from None


def content(spec: JobSpec) -> dict[str, Any]:
    """What is stored of a spec. Raises RefusedError."""
    stored = spec.model_dump(mode="json")
    try:
        refuse_unstorable(stored)
    except RequestValidationError as error:
        raise RefusedError("; ".join(str(each["msg"]) for each in error.errors())) from None
    return stored


def check_places(spec: JobSpec, settings: Settings) -> None:
    """Whether its data lie where the operator allows. It may follow many links: not for a transaction.

    Raises:
        RefusedError: one doesn't.
    """
    try:
        check_spec(spec, settings)
    except ApiError as error:
        raise RefusedError(error.detail) from None
