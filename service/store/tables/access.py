"""API keys, browsers that signed in with them, and who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Id, Long, Number


class ApiKey(Base):
    """A key, kept as its SHA-256: 256 random bits need no slow hash. Rows stay when a key is revoked, so that who once
    had keys never goes back to having none. Of a key that was rotated, the secret before is good until `old_until`.
    """

    __tablename__ = "api_keys"

    number: Mapped[Number]
    id: Mapped[Id] = mapped_column(unique=True)
    name: Mapped[str]
    hash: Mapped[Id] = mapped_column(unique=True)
    old_hash: Mapped[Id | None] = mapped_column(index=True)
    old_until: Mapped[datetime | None]
    scopes: Mapped[list[str]]
    model: Mapped[str | None] = mapped_column(ForeignKey("models.name"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class BrowserSession(Base):
    """A browser that signed in. Its token is kept as its SHA-256; `key_hash` is that of the secret it signed in with:
    one that is rotated away takes the sign-in with it.
    """

    __tablename__ = "browser_sessions"

    token_hash: Mapped[Id] = mapped_column(primary_key=True)
    key_id: Mapped[Id] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[Id]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuditEntry(Base):
    """A request that changed something, or was refused for want of rights."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_time", "time"),)

    number: Mapped[Number]
    time: Mapped[datetime]
    by: Mapped[str]
    key_id: Mapped[Id | None]
    operation: Mapped[str]
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[Long]
    model: Mapped[str | None]
    status: Mapped[int]
    request_id: Mapped[Id]
    detail: Mapped[dict[str, Any]]
