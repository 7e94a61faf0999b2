"""From a model under management to the spec of a job."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from service.core.statuses import IN_JOBS
from service.store import models
from service.store.tables import Model
from trainers.spec import JobSpec, SpecError, merge_patch, parse_spec


def compose(session: Session, model: Model, overrides: dict[str, Any]) -> JobSpec:
    """The model's own spec, `overrides` laid over it (JSON Merge Patch, RFC 7396), and its essential, active and
    candidate features.

    Raises:
        SpecError: no such features, `overrides` names features, or the whole isn't a spec.
    """
    if "features" in overrides:
        raise SpecError("features: a job of a model has the model's features; change their statuses instead")
    chosen = models.features(session, model.name, IN_JOBS)
    if not chosen:
        raise SpecError(f"features: model {model.name!r} has none to select from; register some, as candidates")
    features = [
        {**feature.spec, "name": feature.name, "column": feature.column, "status": feature.status} for feature in chosen
    ]
    return parse_spec({"name": model.name, **merge_patch(model.spec, overrides), "features": features})
