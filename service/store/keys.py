"""API keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.store.tables import ApiKey

# How stale `last_used_at` may be: a write per request would be dear.
USED_EVERY = timedelta(minutes=1)


def any_made(session: Session) -> bool:
    """Whether a key was ever made, revoked ones counted."""
    return session.scalar(select(ApiKey.number).limit(1)) is not None


def usable(session: Session, hash_: str, now: datetime) -> ApiKey | None:
    """The key of that hash, where it is neither expired nor revoked; notes that it was used."""
    live = (ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    key = session.scalar(select(ApiKey).where(ApiKey.hash == hash_, *live))
    if key is not None and (key.last_used_at is None or now - key.last_used_at > USED_EVERY):
        key.last_used_at = now
    return key
