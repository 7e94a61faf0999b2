"""Models under management."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from service.core.job_state import ENDED
from service.store.tables import ApiKey, Feature, Job, Model


def find(session: Session, name: str) -> Model | None:
    return session.get(Model, name)


def create(session: Session, name: str, settings: Mapping[str, Any], now: datetime) -> Model | None:
    """A new model; None where there is one of that name. `settings` are columns."""
    if session.get(Model, name) is not None:
        return None
    model = Model(name=name, **settings, created_at=now, updated_at=now)
    session.add(model)
    session.flush()
    return model


def get_locked(session: Session, name: str, *, whole: bool = False) -> Model | None:
    """The model as it stands, with others that would change it, its features or its lists kept waiting until the
    transaction ends; where `whole`, also those that would make jobs of it.
    """
    query = select(Model).where(Model.name == name).with_for_update(key_share=not whole)
    return session.scalar(query.execution_options(populate_existing=True))


def change(model: Model, settings: Mapping[str, Any], now: datetime) -> None:
    """Set columns of a model; its version, the ETag, rises."""
    for column, value in settings.items():
        setattr(model, column, value)
    model.version += 1
    model.updated_at = now


def page(session: Session, *, only: str | None, owner: str | None, prefix: str, after: str, limit: int) -> list[Model]:
    """By name, those after the name `after`; of one name, one owner and a beginning of the name, where given."""
    query = select(Model).where(Model.name > after).order_by(Model.name).limit(limit)
    if only is not None:
        query = query.where(Model.name == only)
    if owner is not None:
        query = query.where(Model.owner == owner)
    if prefix:
        query = query.where(func.substr(Model.name, 1, len(prefix)) == prefix)
    return list(session.scalars(query))


def delete(session: Session, model: Model, now: datetime) -> None:
    """With its features, lists, triggers, schedules and webhooks. Its jobs stay, as nobody's; its keys are revoked."""
    session.execute(update(Job).where(Job.model == model.name).values(model=None))
    keys = update(ApiKey).where(ApiKey.model == model.name)
    session.execute(keys.where(ApiKey.revoked_at.is_(None)).values(revoked_at=now))
    session.execute(keys.values(model=None))
    session.delete(model)
    session.flush()


def unfinished_jobs(session: Session, model: str) -> int:
    """How many jobs of a model haven't ended."""
    ended = [state.value for state in ENDED]
    return session.scalar(select(func.count()).where(Job.model == model, Job.state.not_in(ended))) or 0


def feature_counts(session: Session, names: Collection[str]) -> dict[str, dict[str, int]]:
    """How many features of each status these models have."""
    query = select(Feature.model, Feature.status, func.count()).where(Feature.model.in_(names))
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for model, status, count in session.execute(query.group_by(Feature.model, Feature.status)):
        found[model][status] = count
    return found


def features(session: Session, model: str, statuses: Collection[str] = ()) -> Sequence[Feature]:
    """In the order of their registration; of these statuses, or all."""
    query = select(Feature).where(Feature.model == model).order_by(Feature.number)
    if statuses:
        query = query.where(Feature.status.in_(statuses))
    return session.scalars(query).all()
