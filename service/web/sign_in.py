"""`/sign-in` and `/sign-out`: a browser exchanges an API key for a cookie, which the API takes in the key's place.

Scripts can't read the cookie, other sites' pages can't use it to change anything, and the key itself is kept nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, SecurityScopes

from service.api.auth import (
    SESSION_COOKIE,
    bearer,
    cookie_hash,
    find_by_cookie,
    find_by_secret,
    is_open,
    require_caller,
    require_own_origin,
)
from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.problems import ApiError
from service.api.rate_limits import RateLimiter
from service.core.identity import Caller
from service.store import browser_sessions, keys
from service.web.shell import show

router = APIRouter(include_in_schema=False)
SIGN_IN = "/sign-in"
START = "/"


def own_path(given: str) -> str:
    """`given` where it is a path of this service; the start page where a browser could take it for another site's."""
    away = given.startswith("//") or "\\" in given or not given.isprintable()  # browsers drop tabs and line ends
    return given if given.startswith("/") and not away else START


def page_caller(
    request: Request,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Who looks at a page. Raises HTTPException 303, to the sign-in and back here, for a browser that isn't signed in;
    ApiError or ForbiddenError where the caller may not look at it.
    """
    try:
        return require_caller(request, SecurityScopes(["read"]), session, credentials)
    except ApiError as error:
        if error.status != 401:
            raise
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    here = f"{path}?{request.url.query}" if request.url.query else path
    raise HTTPException(303, "sign in first", {"Location": f"{SIGN_IN}?next={quote(here, safe='')}"})


PageCaller = Annotated[Caller, Depends(page_caller)]


@router.get(SIGN_IN)
def ask(request: Request, session: SessionDep, next: str = START) -> Response:
    """The form; where no key is needed, there is nothing to sign in to."""
    if is_open(request, session):
        return RedirectResponse(own_path(next), 303)
    return show(request, "sign_in.html", next=own_path(next), wrong=None)


@router.post(SIGN_IN, operation_id="signIn", status_code=303)
def sign_in(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = START,
) -> Response:
    """A cookie for the key, and on to `next`; the form again where the key is no good."""
    secret = key.strip()
    try:
        caller = _owner(request, session, secret)
    except ApiError as error:
        answer = show(request, "sign_in.html", error.status, next=own_path(next), wrong=error.detail)
        answer.headers.update(error.headers or {})
        return answer
    request.state.caller = caller
    _forget(request, session)
    found, lasts = keys.find(session, caller.id), timedelta(hours=settings.session_hours)
    assert found is not None
    token = browser_sessions.begin(session, found, keys.digest(secret), now, lasts)
    onward = RedirectResponse(own_path(next), 303)
    onward.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(lasts.total_seconds()),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return onward


def _owner(request: Request, session: SessionDep, secret: str) -> Caller:
    """Raises ApiError 401, 403 or 429."""
    limits: RateLimiter = request.app.state.limits
    require_own_origin(request)
    caller = find_by_secret(request, session, secret)
    if caller is None:
        limits.count_unknown(request.scope)
        raise ApiError(401, "key-unknown", "This key is unknown, expired or revoked. Check it, or ask for another.")
    limits.count_key(caller.id, request.scope)
    return caller


@router.post("/sign-out", operation_id="signOut", status_code=303)
def sign_out(request: Request, session: SessionDep) -> Response:
    """Forget the browser, here and in its cookie. Raises ForbiddenError to other sites' pages."""
    require_own_origin(request)
    caller = find_by_cookie(request, session)
    if caller is not None:
        request.state.caller = caller
    _forget(request, session)
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(SESSION_COOKIE, secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return answer


def _forget(request: Request, session: SessionDep) -> None:
    token_hash = cookie_hash(request)
    if token_hash is not None:
        browser_sessions.end(session, token_hash)
