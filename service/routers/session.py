"""A route's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from service.auditing import note_change


def session_of(request: Request) -> Iterator[Session]:
    """One transaction a request: committed when the route returns, rolled back when it raises.

    A route that has slow work to do commits first, and holds no connection meanwhile. What the request changed is
    recorded in the audit log with the last commit.
    """
    state = request.app.state
    with state.sessions() as session:
        yield session
        note_change(session, request.scope, state.now())
        session.commit()


# The transaction ends before the response is sent, so that what a 202 says is stored.
SessionDep = Annotated[Session, Depends(session_of, scope="function")]
