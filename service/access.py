"""Who calls, and what they may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from service.problems import ApiError
from service.routers.session import SessionDep
from service.store import keys

Scope = Literal["read", "submit", "approve", "admin"]
INCLUDED: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "submit": frozenset({"submit", "read"}),
    "approve": frozenset({"approve", "read"}),
    "admin": frozenset({"admin", "approve", "submit", "read"}),
}


@dataclass(frozen=True)
class Caller:
    """A key's owner, or whoever sits at this machine while there are no keys. `model` restricts to one model."""

    id: str
    name: str
    scopes: frozenset[str]
    model: str | None = None

    def may(self, scope: str) -> bool:
        return any(scope in INCLUDED[own] for own in self.scopes)

    def sees(self, model: str | None) -> bool:
        """Whether things of `model` (None: of no model) are this caller's."""
        return self.model is None or self.model == model


LOCAL = Caller(id="local", name="local", scopes=frozenset({"admin"}))
bearer = HTTPBearer(auto_error=False, description="An API key, as `winnow keys create` prints it.")


def digest(secret: str) -> str:
    """What is stored of a secret: keys have 256 random bits, so that a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def caller_of(
    request: Request,
    needed: SecurityScopes,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller, who may do what the route needs. Raises ApiError 401 or 403."""
    caller = _identified(request, session, credentials)
    request.state.caller = caller
    missing = [scope for scope in needed.scopes if not caller.may(scope)]
    if missing:
        raise ApiError(403, "scope-missing", f"key {caller.name!r} has no scope {missing[0]!r}; ask an admin for one")
    return caller


def _identified(request: Request, session: SessionDep, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is None:
        if request.app.state.open_to_local and not keys.any_made(session):
            return LOCAL
        raise ApiError(
            401, "key-missing", "no API key; send `Authorization: Bearer KEY` (`winnow keys create` makes one)"
        )
    key = keys.usable(session, digest(credentials.credentials), request.app.state.now())
    if key is None:
        raise ApiError(401, "key-unknown", "this API key is unknown, expired or revoked; ask an admin for another")
    return Caller(id=key.id, name=key.name, scopes=frozenset(key.scopes), model=key.model)


Reader = Annotated[Caller, Security(caller_of, scopes=["read"])]
Submitter = Annotated[Caller, Security(caller_of, scopes=["submit"])]
Approver = Annotated[Caller, Security(caller_of, scopes=["approve"])]
Admin = Annotated[Caller, Security(caller_of, scopes=["admin"])]
