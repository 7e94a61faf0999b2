"""Who did what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store.tables import AuditEntry


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which entries; None means any."""

    by: str | None = None
    key_id: str | None = None
    operation: str | None = None
    model: str | None = None
    status: int | None = None
    request_id: str | None = None
    after: datetime | None = None
    before: datetime | None = None


def page(session: Session, filters: Filters, cursor: int | None, limit: int) -> Sequence[AuditEntry]:
    """Newest first, those older than number `cursor`."""
    query = select(AuditEntry).order_by(AuditEntry.number.desc()).limit(limit)
    same = (
        (AuditEntry.by, filters.by),
        (AuditEntry.key_id, filters.key_id),
        (AuditEntry.operation, filters.operation),
        (AuditEntry.model, filters.model),
        (AuditEntry.status, filters.status),
        (AuditEntry.request_id, filters.request_id),
    )
    query = query.where(*(column == wanted for column, wanted in same if wanted is not None))
    if filters.after is not None:
        query = query.where(AuditEntry.time > filters.after)
    if filters.before is not None:
        query = query.where(AuditEntry.time < filters.before)
    if cursor is not None:
        query = query.where(AuditEntry.number < cursor)
    return session.scalars(query).all()
