"""API keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from service.store.database import READS
from service.store.tables import ApiKey

# How stale `last_used_at` may be: a write per request would be dear.
USED_EVERY = timedelta(minutes=1)
SECRET_BYTES = 32


@dataclass(frozen=True)
class Made:
    """A key with its secret, which is nowhere else: who loses it has the key rotated."""

    key: ApiKey
    secret: str


def digest(secret: str) -> str:
    """What is stored of a secret: keys have 256 random bits, so that a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def create(
    session: Session,
    name: str,
    scopes: Collection[str],
    now: datetime,
    *,
    by: str,
    model: str | None = None,
    expires_at: datetime | None = None,
) -> Made:
    """Make a key. Its secret is returned this once; the store keeps a digest."""
    id_ = secrets.token_hex(8)
    secret = _secret(id_)
    key = ApiKey(
        id=id_,
        name=name,
        hash=digest(secret),
        scopes=sorted(set(scopes)),
        model=model,
        created_by=by,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return Made(key, secret)


def rotate(session: Session, key: ApiKey, now: datetime, grace: timedelta) -> Made:
    """A new secret; the present one stays good for `grace`, and one before it no longer."""
    secret = _secret(key.id)
    key.old_hash, key.old_until = key.hash, now + grace
    key.hash = digest(secret)
    session.flush()
    return Made(key, secret)


def revoke(session: Session, key: ApiKey, now: datetime) -> None:
    """End a key's life now. One that was revoked before keeps its time."""
    if key.revoked_at is None:
        key.revoked_at = now
    session.flush()


def _secret(id_: str) -> str:
    return f"wnw_{id_}_{secrets.token_urlsafe(SECRET_BYTES)}"


def any_exist(session: Session) -> bool:
    """Whether a key was ever made, revoked ones counted."""
    return session.scalar(select(ApiKey.number).limit(1)) is not None


def find(session: Session, id_: str) -> ApiKey | None:
    return session.scalar(select(ApiKey).where(ApiKey.id == id_))


def page(session: Session, model: str | None, after: int | None, limit: int) -> Sequence[ApiKey]:
    """Newest first, those older than number `after`; of a model, or all."""
    query = select(ApiKey).order_by(ApiKey.number.desc()).limit(limit)
    if model is not None:
        query = query.where(ApiKey.model == model)
    if after is not None:
        query = query.where(ApiKey.number < after)
    return session.scalars(query).all()


def usable(session: Session, hash_: str, now: datetime) -> ApiKey | None:
    """The key of that hash, where it is neither expired nor revoked."""
    return session.scalar(select(ApiKey).where(*good(hash_, now)))


def good(hash_: str | InstrumentedAttribute[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a key: that the secret of this hash is its own, and that it is neither expired nor revoked."""
    ours = or_(ApiKey.hash == hash_, and_(ApiKey.old_hash == hash_, ApiKey.old_until > now))
    return ours, *_live(now)


def note_use(key: ApiKey, sessions: sessionmaker[Session], session: Session, now: datetime) -> None:
    """Note that a key was used: in `session`, or in one of `sessions` where that one only reads."""
    if key.last_used_at is not None and now - key.last_used_at <= USED_EVERY:
        return
    if not session.info.get(READS):
        key.last_used_at = now
        return
    with sessions.begin() as writing:
        writing.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))


def usable_ids(session: Session, ids: Collection[str], now: datetime) -> set[str]:
    """Those of these keys that are neither expired nor revoked."""
    return set(session.scalars(select(ApiKey.id).where(ApiKey.id.in_(ids), *_live(now))))


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
