"""Browsers that signed in: each has a random token, kept as its SHA-256, that stands for the key it was given for."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from service.store import keys
from service.store.tables import ApiKey, BrowserSession

TOKEN_BYTES = 32


def begin(session: Session, key: ApiKey, key_hash: str, now: datetime, lasts: timedelta) -> str:
    """The token of a new one. It is good for no longer than the secret of hash `key_hash`, which may be the key's old
    one.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = BrowserSession(
        token_hash=keys.digest(token), key_id=key.id, key_hash=key_hash, created_at=now, expires_at=now + lasts
    )
    session.add(made)
    session.flush()
    return token


def key_of(session: Session, token_hash: str, now: datetime) -> ApiKey | None:
    """The key that this token stands for, where both are good."""
    query = select(ApiKey).join(BrowserSession, BrowserSession.key_id == ApiKey.id)
    return session.scalar(query.where(BrowserSession.token_hash == token_hash, *_live(now)))


def live(session: Session, token_hashes: Collection[str], now: datetime) -> set[str]:
    """Those of these tokens that are good, as are the keys that they stand for."""
    query = select(BrowserSession.token_hash).join(ApiKey, ApiKey.id == BrowserSession.key_id)
    return set(session.scalars(query.where(BrowserSession.token_hash.in_(token_hashes), *_live(now))))


def end(session: Session, token_hash: str) -> None:
    session.execute(delete(BrowserSession).where(BrowserSession.token_hash == token_hash))


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return BrowserSession.expires_at > now, *keys.good(BrowserSession.key_hash, now)
