"""Features of a model, and what was decided on them.

Whoever changes features holds the model's lock (`models.get_locked`): statuses and lists change one at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, insert, select
from sqlalchemy.orm import Session

from service.core.statuses import FeatureStatus
from service.store import events
from service.store.tables import Feature, FeatureDecision, Model

SHOWN_DECISIONS = 1000
REGISTERED = "registered"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which features; None and empty mean any. `name` is how it begins."""

    statuses: Collection[FeatureStatus] = ()
    kind: str | None = None
    owner: str | None = None
    tag: str | None = None
    name: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters as conditions of SQL, all of which a feature has to fit."""
        found: list[ColumnElement[bool]] = []
        if self.statuses:
            found.append(Feature.status.in_([status.value for status in self.statuses]))
        if self.tag is not None:
            # LIKE ignores case in SQLite. A tag has no character that JSON escapes.
            text = cast(Feature.tags, String)
            found.append(func.replace(text, f'"{self.tag}"', "") != text)
        if self.name:
            found.append(func.substr(Feature.name, 1, len(self.name)) == self.name)
        same = ((Feature.kind, self.kind), (Feature.owner, self.owner))
        return found + [column == wanted for column, wanted in same if wanted is not None]


@dataclass(frozen=True, kw_only=True)
class Why:
    """What a change of statuses is owed to. `list_number` and `job_id` are of the prune list that asked for it."""

    reason: str
    by: str
    now: datetime
    list_number: int | None = None
    job_id: str | None = None


def find(session: Session, model: str, name: str) -> Feature | None:
    return session.scalar(select(Feature).where(Feature.model == model, Feature.name == name))


def find_all(session: Session, model: str, names: Collection[str]) -> dict[str, Feature]:
    """Those of these names that there are."""
    query = select(Feature).where(Feature.model == model, Feature.name.in_(names))
    return {feature.name: feature for feature in session.scalars(query)}


def find_names(session: Session, model: str, names: Collection[str]) -> set[str]:
    """Which of these names are taken."""
    return set(session.scalars(select(Feature.name).where(Feature.model == model, Feature.name.in_(names))))


def columns(session: Session, model: str) -> set[str]:
    """That features are read from."""
    return set(session.scalars(select(Feature.column).where(Feature.model == model)))


def page(session: Session, model: str, filters: Filters, after: int, limit: int) -> Sequence[Feature]:
    """In the order of their registration, those beyond the number `after`."""
    query = select(Feature).where(Feature.model == model, Feature.number > after, *filters.conditions())
    return session.scalars(query.order_by(Feature.number).limit(limit)).all()


def decisions(session: Session, model: str, name: str) -> Sequence[FeatureDecision]:
    """The newest, newest first."""
    query = select(FeatureDecision).where(FeatureDecision.model == model, FeatureDecision.feature == name)
    return session.scalars(query.order_by(FeatureDecision.number.desc()).limit(SHOWN_DECISIONS)).all()


def newest_decisions(session: Session, model: str, names: Collection[str]) -> dict[str, FeatureDecision]:
    """The last decision on each of these features."""
    query = select(func.max(FeatureDecision.number)).group_by(FeatureDecision.feature)
    newest = query.where(FeatureDecision.model == model, FeatureDecision.feature.in_(names))
    found = session.scalars(select(FeatureDecision).where(FeatureDecision.number.in_(newest)))
    return {decision.feature: decision for decision in found}


def register(session: Session, model: Model, items: Sequence[Mapping[str, Any]], by: str, now: datetime) -> None:
    """Add features whose names are free. `items` are columns of a feature."""
    same = {"model": model.name, "version": 1, "registered_at": now, "updated_at": now}
    session.execute(insert(Feature), [{**item, **same} for item in items])
    decided = {"model": model.name, "time": now, "before": None, "reason": REGISTERED, "by": by}
    session.execute(
        insert(FeatureDecision), [{"feature": item["name"], "after": item["status"], **decided} for item in items]
    )
    data = {"features": [{"feature": item["name"], "status": item["status"]} for item in items], "by": by}
    events.record(session, "feature.registered", data, now, model=model.name)


def move(
    session: Session,
    model: str,
    changes: Iterable[tuple[Feature, FeatureStatus]],
    why: Why,
    scores: Mapping[str, float] | None = None,
    copies: Mapping[str, str] | None = None,
) -> int:
    """The one place where statuses change: a decision for each, and an event for all. How many changed.

    `copies` are features that are pruned because the other one, which has their values, stays.
    """
    told, decided = [], []
    for feature, status in changes:
        if feature.status == status.value:
            continue
        original = (copies or {}).get(feature.name)
        change = {"feature": feature.name, "from": feature.status, "to": status.value}
        decided.append(
            {
                "model": model,
                "feature": feature.name,
                "time": why.now,
                "before": feature.status,
                "after": status.value,
                "reason": why.reason + (f"; a copy of {original!r}, which stays" if original else ""),
                "by": why.by,
                "prune_list_number": why.list_number,
                "job_id": why.job_id,
                "score": (scores or {}).get(feature.name),
            }
        )
        feature.status = status.value
        feature.version += 1
        feature.updated_at = why.now
        told.append(change)
    if told:
        session.execute(insert(FeatureDecision), decided)
        data = {"changes": told, "reason": why.reason, "by": why.by, "prune_list": why.list_number}
        events.record(session, "feature.status", data, why.now, job_id=why.job_id, model=model)
    return len(told)
