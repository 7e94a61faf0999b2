"""What happened, in order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Number


class Event(Base):
    """Written in the transaction of what it tells of, by `service.store.events.record` alone.

    Numbers are given in the order of commits, so that a reader who has seen number n has seen all before it. Rows have
    no foreign keys: an event may outlive its job.
    """

    __tablename__ = "events"
    __table_args__ = (Index("events_of_job", "job_id", "number"), Index("events_of_model", "model", "number"))

    number: Mapped[Number]
    job_id: Mapped[Id | None]
    model: Mapped[str | None]
    time: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
