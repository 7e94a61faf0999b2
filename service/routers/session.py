"""A route's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session


def session_of(request: Request) -> Iterator[Session]:
    """One transaction a request: committed when the route returns, rolled back when it raises."""
    with request.app.state.sessions.begin() as session:
        yield session


# The transaction ends before the response is sent, so that what a 202 says is stored.
SessionDep = Annotated[Session, Depends(session_of, scope="function")]
