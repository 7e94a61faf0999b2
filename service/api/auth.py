"""Who calls: the key, the cookie or the machine that a request comes with."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from sqlalchemy.orm import Session

from service.api.audit_log import SAFE_METHODS
from service.api.problems import ApiError
from service.api.rate_limits import RateLimiter
from service.api.session import SessionDep
from service.core.errors import ForbiddenError
from service.core.identity import LOCAL, Caller
from service.core.loopback import is_loopback
from service.store import browser_sessions, keys
from service.store.tables import ApiKey

SESSION_COOKIE = "winnow_session"
PORTS = {"http": 80, "https": 443}
bearer = HTTPBearer(auto_error=False, description="An API key, as `winnow keys create` prints it.")


def require_caller(
    request: Request,
    needed: SecurityScopes,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller, who may do what the route needs: by a key, or by a browser's sign-in where no key is sent.

    Raises:
        ApiError: 401, 403 or 429.
        ForbiddenError: the key lacks the scope.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:  # a route's own parameters may ask for the caller too
        caller = request.state.caller = _identify(request, session, credentials)
    missing = [scope for scope in needed.scopes if not caller.may(scope)]
    if missing:
        raise ForbiddenError("scope-missing", f"key {caller.name!r} has no scope {missing[0]!r}; ask an admin for one")
    return caller


def is_open(request: Request, session: Session) -> bool:
    """Whether callers on this machine need no key."""
    return bool(request.app.state.open_to_local) and not keys.any_exist(session)


def find_by_secret(request: Request, session: Session, secret: str) -> Caller | None:
    """Whose key this is; None where it is unknown, expired or revoked."""
    key = keys.usable(session, keys.digest(secret), request.app.state.now())
    return None if key is None else _caller(request, session, key)


def find_by_cookie(request: Request, session: Session) -> Caller | None:
    """Who signed in with this browser; None where nobody did, or the sign-in or its key is no longer good."""
    token_hash = cookie_hash(request)
    key = token_hash and browser_sessions.key_of(session, token_hash, request.app.state.now())
    return _caller(request, session, key, token_hash) if key else None


def cookie_hash(request: Request) -> str | None:
    """The digest of the session cookie; None without one."""
    token = request.cookies.get(SESSION_COOKIE)
    return keys.digest(token) if token else None


def _caller(request: Request, session: Session, key: ApiKey, token_hash: str | None = None) -> Caller:
    keys.note_use(key, request.app.state.sessions, session, request.app.state.now())
    return Caller(id=key.id, name=key.name, scopes=frozenset(key.scopes), model=key.model, session=token_hash)


def _identify(request: Request, session: Session, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    limits: RateLimiter = request.app.state.limits
    if credentials is None and is_open(request, session):
        _require_local(request)
        return LOCAL
    if credentials is None:
        caller = find_by_cookie(request, session)
    else:
        caller = find_by_secret(request, session, credentials.credentials)
    if caller is None:
        limits.count_unknown(request.scope)
        raise _unknown(request, credentials)
    request.state.caller = caller
    if caller.session is not None:
        require_own_origin(request)
    limits.count_key(caller.id, request.scope)
    return caller


def _unknown(request: Request, credentials: HTTPAuthorizationCredentials | None) -> ApiError:
    if credentials is not None:
        detail = "this API key is unknown, expired or revoked; ask an admin for another"
        return ApiError(401, "key-unknown", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if cookie_hash(request) is not None:
        kind, detail = "signed-out", "this browser's sign-in is over, or its key is; sign in again at /sign-in"
    else:
        kind, detail = "key-missing", "no API key; send `Authorization: Bearer KEY` (`winnow keys create` makes one)"
    return ApiError(401, kind, detail, headers={"WWW-Authenticate": "Bearer"})


def _require_local(request: Request) -> None:
    """Nobody needs a key: let no page of a browser on this machine in, neither by a name that it has resolve to
    loopback (DNS rebinding) nor from another origin. Raises ApiError 403.
    """
    host = request.headers.get("host", "")
    if not is_loopback(_hostname(host)):
        detail = f"Host: {host!r} is not this machine; call it 127.0.0.1 or localhost, or make a key and send it"
        raise ApiError(403, "foreign-host", detail)
    origin = request.headers.get("origin")
    if origin is not None and not _is_origin_of(origin, host):
        detail = f"Origin: {origin!r} is another site's; make a key (`winnow keys create`) and send it"
        raise ApiError(403, "foreign-origin", detail)


def require_own_origin(request: Request) -> None:
    """Cookies come along with whatever any page sends here: let nothing be changed but by pages of this service.

    Every browser sends `Origin` with such requests, or says by `Sec-Fetch-Site` that it needn't. What it calls this
    service is compared, and not the scheme: a proxy may end TLS. Raises ApiError 403.
    """
    if request.method in SAFE_METHODS:
        return
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None and request.headers.get("sec-fetch-site") == "same-origin":
        return
    if origin is None or not _is_origin_of(origin, host):
        detail = (
            f"Origin: {origin!r} isn't this service's (Host: {host!r}): use its own pages, or send a key as Bearer; "
            "a proxy has to pass Host on"
        )
        raise ApiError(403, "foreign-origin", detail)


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether a page of this origin is of this host. Either may leave out the port that the origin's scheme has."""
    try:
        page, own = urlsplit(origin), urlsplit(f"//{host}")
        port = PORTS.get(page.scheme)
        places = [(each.hostname, each.port or port) for each in (page, own)]
    except ValueError:
        return False
    return page.hostname is not None and places[0] == places[1]


def _hostname(netloc: str) -> str:
    """Without port and brackets; empty where it can't be read."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


Reader = Annotated[Caller, Security(require_caller, scopes=["read"])]
Submitter = Annotated[Caller, Security(require_caller, scopes=["submit"])]
Approver = Annotated[Caller, Security(require_caller, scopes=["approve"])]
Admin = Annotated[Caller, Security(require_caller, scopes=["admin"])]
