"""Models and their features."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store.tables import Feature, Model

# What a selection is run over.
IN_JOBS = ("essential", "active", "candidate")


def find(session: Session, name: str) -> Model | None:
    return session.get(Model, name)


def features(session: Session, model: str, statuses: Collection[str] = ()) -> Sequence[Feature]:
    """In the order of their registration; of these statuses, or all."""
    query = select(Feature).where(Feature.model == model).order_by(Feature.number)
    if statuses:
        query = query.where(Feature.status.in_(statuses))
    return session.scalars(query).all()
