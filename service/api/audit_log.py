"""The audit log's writers: what changed something is recorded in the transaction of the change, what was refused in one
of its own. Never a body, a query or a secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.store.tables import AuditEntry

log = structlog.get_logger()

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REFUSED = frozenset({401, 403})
LONGEST_PATH = 2000
LONGEST_NAME = 200


def record_change(session: Session, scope: Scope, now: datetime) -> None:
    """To be called last in a transaction, when the route has returned: what failed has changed nothing.

    A run that reports with its own token is no caller, and its reports are no one's doing.
    """
    if scope["method"] not in SAFE_METHODS and "caller" in scope["state"]:
        session.add(_entry(scope, getattr(scope.get("route"), "status_code", None) or 200, now))


class RefusalAudit:
    """The middleware that records every 401 and 403 before it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in REFUSED:
                await run_in_threadpool(_record_refusal, scope, message["status"])
            await send(message)

        await self.app(scope, receive, send_recorded if scope["type"] == "http" else send)


def _record_refusal(scope: Scope, status: int) -> None:
    state = scope["app"].state
    try:
        with state.sessions.begin() as session:
            session.add(_entry(scope, status, state.now()))
    except SQLAlchemyError as error:  # the refusal stands all the same
        log.warning("a refusal isn't in the audit log", status=status, error=repr(error))


def _entry(scope: Scope, status: int, now: datetime) -> AuditEntry:
    caller, client = scope["state"].get("caller"), scope.get("client")
    detail: dict[str, Any] = {"address": client[0]} if client else {}
    return AuditEntry(
        time=now,
        by=getattr(caller, "name", "unknown"),
        key_id=getattr(caller, "key_id", None),
        operation=getattr(scope.get("route"), "operation_id", None) or "none",
        method=scope["method"],
        path=_path(scope),
        model=_model(scope),
        status=status,
        request_id=scope["state"].get("request_id", ""),
        detail=detail,
    )


def _path(scope: Scope) -> str:
    """As it came, percent-encoded, so that any store takes it; without the query."""
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "backslashreplace")
    return str(raw.partition(b"?")[0].decode("latin-1").replace("\0", "%00"))[:LONGEST_PATH]


def _model(scope: Scope) -> str | None:
    """The model that the path names, or the one that the caller is restricted to."""
    named = scope.get("path_params", {}).get("model")
    if named is None:
        return getattr(scope["state"].get("caller"), "model", None)
    usable = len(named) <= LONGEST_NAME and "\0" not in named and named.encode("utf-8", "ignore").decode() == named
    return named if usable else None
