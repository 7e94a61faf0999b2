"""A route's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session


def session_of(request: Request) -> Iterator[Session]:
    """One transaction a request: committed when the route returns, rolled back when it raises.

    A route that has slow work to do commits first, and holds no connection meanwhile.
    """
    with request.app.state.sessions() as session:
        yield session
        session.commit()


# The transaction ends before the response is sent, so that what a 202 says is stored.
SessionDep = Annotated[Session, Depends(session_of, scope="function")]
