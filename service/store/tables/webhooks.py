"""Webhooks and what was sent to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Long, Number


class Webhook(Base):
    """Where events are sent: those of one model, or of all. `kinds` are event kinds, or prefixes ending in `.*`.

    `secret` signs deliveries (Standard Webhooks) and so is kept as it is; after a rotation `old_secret` signs too,
    until `old_until`. Events up to `queued_until` have deliveries.
    """

    __tablename__ = "webhooks"

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    model: Mapped[str | None] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"), index=True)
    url: Mapped[Long]
    kinds: Mapped[list[str]]
    secret: Mapped[str]
    old_secret: Mapped[str | None]
    old_until: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    queued_until: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Delivery(Base):
    """One event for one webhook. state: pending | delivered | failed; a pending one is tried at `next_at`."""

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("webhook_id", "event_number"), Index("deliveries_due", "state", "next_at"))

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    webhook_id: Mapped[Id] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[Long | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    lease_owner: Mapped[Id | None]
    lease_until: Mapped[datetime | None]
