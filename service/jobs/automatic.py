"""From the overrides of a trigger or a schedule to a job that nobody submits by hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from service.core.errors import InvalidError
from service.core.partitions import fill_partition
from service.jobs.compose import compose
from service.schemas.common import refuse_unstorable
from service.store import models
from trainers.spec import JobSpec, SpecError


def compose_automatic(session: Session, model: str, overrides: dict[str, Any], partition: str) -> JobSpec:
    """The spec of a job of `model` now, `partition` filled into the overrides. Raises InvalidError."""
    found = models.find(session, model)
    if found is None:
        raise InvalidError("invalid-spec", f"there is no model {model!r}")
    try:
        return compose(session, found, fill_partition(overrides, partition))
    except SpecError as error:
        raise InvalidError("invalid-spec", str(error)) from None


def stored_spec(spec: JobSpec) -> dict[str, Any]:
    """What is stored of a spec. Raises InvalidFieldsError."""
    content = spec.model_dump(mode="json")
    refuse_unstorable(content)
    return content
