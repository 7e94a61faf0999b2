"""Requests that a caller marked with an `Idempotency-Key`: repeated, they make nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.core.errors import ConflictError
from service.store.tables import IdempotencyKey, Job


def fingerprint(request: Any) -> str:
    """SHA-256 of what was asked for, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, allow_nan=False).encode()).hexdigest()


def find_job(session: Session, caller: str, key: str, request_hash: str, since: datetime) -> Job | None:
    """The job that this request made since then; None where the key is new. Raises ConflictError."""
    found = session.get(IdempotencyKey, (caller, key))
    if found is None or found.created_at <= since:
        return None
    if found.request_hash != request_hash:
        detail = f"Idempotency-Key {key!r} came with another request; give each request a key of its own"
        raise ConflictError("idempotency-conflict", detail)
    return session.scalar(select(Job).where(Job.id == found.job_id))


def get_or_create(
    session: Session,
    caller: str,
    key: str,
    request_hash: str,
    now: datetime,
    keep: timedelta,
    make: Callable[[], Job],
) -> tuple[Job, bool]:
    """The job that `make` makes, or that this request made within `keep`; and whether it was there already.

    Two of a kind at once wait for each other. Raises ConflictError.
    """
    if session.get_bind().dialect.name == "postgresql":  # a SQLite transaction has the file to itself
        lock = func.hashtextextended(f"{caller} {key}", 0)
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    found = find_job(session, caller, key, request_hash, now - keep)
    if found is not None:
        return found, True
    job = make()
    session.merge(IdempotencyKey(caller=caller, key=key, request_hash=request_hash, job_id=job.id, created_at=now))
    return job, False
