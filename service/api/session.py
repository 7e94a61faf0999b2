"""A route's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from service.api.audit_log import SAFE_METHODS, record_change

# Requests with a transaction at a time. Fewer than there are threads (40): one that holds a connection needs a thread
# to go on, and must not find them all waiting for its connection.
AT_ONCE = 16


class ConcurrencyLimit:
    """Lets so many in at a time, the others in their order; by event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._semaphores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        semaphore = self._semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._at_once))
        async with semaphore:
            yield


async def session_of(request: Request) -> AsyncIterator[Session]:
    """One transaction a request: committed when the route returns, rolled back when it raises.

    A route that has slow work to do commits first, and holds no connection meanwhile. What the request changed is
    recorded in the audit log with the last commit. What only reads waits for no writer.
    """
    state = request.app.state

    def end() -> None:
        record_change(session, request.scope, state.now())
        session.commit()
        session.close()

    async with state.request_slots.slot():
        session = (state.readers if request.method in SAFE_METHODS else state.sessions)()
        try:
            yield session
            # A route that only read and has committed has nothing to wait for on a thread.
            if request.method not in SAFE_METHODS or session.in_transaction():
                await run_in_threadpool(end)
            else:
                session.close()
        except BaseException:
            await run_in_threadpool(session.close)
            raise


# The transaction ends before the response is sent, so that what a 202 says is stored.
SessionDep = Annotated[Session, Depends(session_of, scope="function")]
