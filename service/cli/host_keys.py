"""API keys made on the service's own host, straight in its database: the first one can't be asked for over HTTP.

It may be done while the service runs, and before it ever did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from service.core.clock import utc_now
from service.settings import Settings
from service.store import keys, models
from service.store.database import connect
from service.store.tables import ApiKey, AuditEntry

BY = "host"
LONGEST_NAME = 200


def create(home: Path, name: str, scopes: Collection[str], model: str | None, lasts: timedelta | None) -> keys.Made:
    """A key, and its secret this once. Raises ValueError."""
    now = utc_now()
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise ValueError(f"name: {name!r} can't be a key's name; give 1 to {LONGEST_NAME} printable characters")
    with _session(home) as session:
        if model is not None and models.find(session, model) is None:
            raise ValueError(f"model: there is no model {model!r}; register it first, or leave it out for all models")
        expires_at = None if lasts is None else now + lasts
        made = keys.create(session, name, scopes, now, by=BY, model=model, expires_at=expires_at)
        _note(session, made.key, "create", 201)
        return made


def list_keys(home: Path) -> Sequence[ApiKey]:
    """Every key, newest first."""
    with _session(home) as session:
        return keys.page(session, None, None, limit=10_000)


def revoke(home: Path, key_id: str) -> ApiKey:
    """Refuse a key from here on. Raises ValueError."""
    with _session(home) as session:
        key = keys.find(session, key_id)
        if key is None:
            raise ValueError(f"key: there is no key {key_id!r}; `winnow keys list` shows those there are")
        keys.revoke(session, key, utc_now())
        _note(session, key, "revoke", 200)
        return key


@contextmanager
def _session(home: Path) -> Iterator[Session]:
    settings = Settings(home=home)
    settings.home.mkdir(parents=True, exist_ok=True)
    sessions = connect(settings.database)
    with sessions.begin() as session:
        yield session
        engine = session.get_bind()
    engine.engine.dispose()


def _note(session: Session, key: ApiKey, command: str, status: int) -> None:
    entry = AuditEntry(
        time=utc_now(),
        by=BY,
        key_id=None,
        operation=f"winnow keys {command}",
        method="HOST",
        path=f"/v1/keys/{key.id}",
        model=key.model,
        status=status,
        request_id="",
        detail={},
    )
    session.add(entry)
