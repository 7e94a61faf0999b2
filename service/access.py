"""Who calls, and what they may do."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from service.limits import Limits
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

    @property
    def key_id(self) -> str | None:
        return None if self is LOCAL else self.id

    def may(self, scope: str) -> bool:
        return any(scope in INCLUDED[own] for own in self.scopes)

    def sees(self, model: str | None) -> bool:
        """Whether things of `model` (None: of no model) are this caller's."""
        return self.model is None or self.model == model


LOCAL = Caller(id="local", name="local", scopes=frozenset({"admin"}))
bearer = HTTPBearer(auto_error=False, description="An API key, as `winnow keys create` prints it.")


def caller_of(
    request: Request,
    needed: SecurityScopes,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller, who may do what the route needs. Raises ApiError 401, 403 or 429."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:  # a route's own parameters may ask for the caller too
        caller = request.state.caller = _identified(request, session, credentials)
    missing = [scope for scope in needed.scopes if not caller.may(scope)]
    if missing:
        raise ApiError(403, "scope-missing", f"key {caller.name!r} has no scope {missing[0]!r}; ask an admin for one")
    return caller


def unrestricted(caller: Caller, what: str) -> None:
    """Raises ApiError 403 for the key of one model."""
    if caller.model is not None:
        detail = f"key {caller.name!r} is for model {caller.model!r}; {what} is for keys of all models"
        raise ApiError(403, "key-of-one-model", detail)


def _identified(request: Request, session: SessionDep, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    limits: Limits = request.app.state.limits
    if credentials is None and request.app.state.open_to_local and not keys.any_made(session):
        _require_local(request)
        return LOCAL
    if credentials is None:
        limits.count_unknown(request.scope)
        detail = "no API key; send `Authorization: Bearer KEY` (`winnow keys create` makes one)"
        raise ApiError(401, "key-missing", detail, headers={"WWW-Authenticate": "Bearer"})
    key = keys.usable(session, keys.digest(credentials.credentials), request.app.state.now())
    if key is None:
        limits.count_unknown(request.scope)
        detail = "this API key is unknown, expired or revoked; ask an admin for another"
        raise ApiError(401, "key-unknown", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    keys.note_use(key, request.app.state.sessions, session, request.app.state.now())
    caller = Caller(id=key.id, name=key.name, scopes=frozenset(key.scopes), model=key.model)
    request.state.caller = caller
    limits.count_key(key.id, request.scope)
    return caller


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_local(request: Request) -> None:
    """Nobody needs a key: let no page of a browser on this machine in, neither by a name that it has resolve to
    loopback (DNS rebinding) nor from another origin. Raises ApiError 403.
    """
    host = request.headers.get("host", "")
    if not is_loopback(_hostname(host)):
        detail = f"Host: {host!r} is not this machine; call it 127.0.0.1 or localhost, or make a key and send it"
        raise ApiError(403, "foreign-host", detail)
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        detail = f"Origin: {origin!r} is another site's; make a key (`winnow keys create`) and send it"
        raise ApiError(403, "foreign-origin", detail)


def _hostname(netloc: str) -> str:
    """Without port and brackets; empty where it can't be read."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


Reader = Annotated[Caller, Security(caller_of, scopes=["read"])]
Submitter = Annotated[Caller, Security(caller_of, scopes=["submit"])]
Approver = Annotated[Caller, Security(caller_of, scopes=["approve"])]
Admin = Annotated[Caller, Security(caller_of, scopes=["admin"])]
