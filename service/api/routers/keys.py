"""`/v1/keys`: API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.api.auth import Admin
from service.api.bodies import JsonBodyRoute
from service.api.deps import NowDep, SessionDep
from service.api.openapi import problems
from service.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from service.core.identity import Caller
from service.schemas.common import BIGGEST, storable
from service.schemas.keys import KeyPage, KeyView, KeyWithSecret, NewKey, Rotation
from service.store import keys, models
from service.store.tables import ApiKey

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/keys", tags=["keys"])


def key_of(key_id: str, session: SessionDep, caller: Admin) -> ApiKey:
    """The key of the path. Raises NotFoundError where there is none that the caller sees."""
    key = keys.find(session, key_id) if storable(key_id) else None
    if key is None or not caller.sees(key.model):
        raise NotFoundError("key-not-found", f"there is no key {key_id!r}; `GET /v1/keys` lists those there are")
    return key


KeyDep = Annotated[ApiKey, Depends(key_of)]


def with_secret(made: keys.Made, response: Response) -> KeyWithSecret:
    """A key that was made or rotated, with its secret, which no cache may keep."""
    response.headers["Cache-Control"] = "no-store"
    return KeyWithSecret(**KeyView.model_validate(made.key).model_dump(), key=made.secret)


@router.post("", status_code=201, operation_id="createKey", responses=problems(400, 422))
def create(body: NewKey, session: SessionDep, caller: Admin, now: NowDep, response: Response) -> KeyWithSecret:
    """Make a key, for no more than the caller's own may do. This answer alone has the secret."""
    _require_own(caller, body)
    if body.model is not None and models.find(session, body.model) is None:
        raise InvalidError("model-unknown", f"model: there is no model {body.model!r}; register it first")
    lasts = body.expires_in_seconds
    expires_at = None if lasts is None else now + timedelta(seconds=lasts)
    made = keys.create(session, body.name, body.scopes, now, by=caller.name, model=body.model, expires_at=expires_at)
    response.headers["Location"] = f"/v1/keys/{made.key.id}"
    return with_secret(made, response)


def _require_own(caller: Caller, body: NewKey) -> None:
    """Raises ForbiddenError where the key would be able to do what its maker's isn't."""
    if not caller.sees(body.model):
        detail = f"model: key {caller.name!r} is for model {caller.model!r} and makes keys for that alone; name it"
        raise ForbiddenError("key-of-one-model", detail)
    missing = [scope for scope in body.scopes if not caller.may(scope)]
    if missing:
        raise ForbiddenError("scope-missing", f"scopes: key {caller.name!r} has no scope {missing[0]!r} to hand on")


@router.get("", operation_id="listKeys", responses=problems(422))
def listing(
    session: SessionDep,
    caller: Admin,
    cursor: Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> KeyPage:
    """Every key, expired and revoked ones too; a caller of one model sees that model's."""
    found = keys.page(session, caller.model, cursor, limit + 1)
    last = found[limit - 1].number if len(found) > limit else None
    return KeyPage(keys=[KeyView.model_validate(key) for key in found[:limit]], next=last)


@router.get("/{key_id}", operation_id="getKey", responses=problems(404))
def read(key: KeyDep, caller: Admin) -> KeyView:
    """A key, without its secret."""
    return KeyView.model_validate(key)


@router.post("/{key_id}/rotate", operation_id="rotateKey", responses=problems(400, 404, 409, 422))
def rotate(
    key: KeyDep, session: SessionDep, caller: Admin, now: NowDep, response: Response, body: Rotation | None = None
) -> KeyWithSecret:
    """A new secret for a key. The present one stays good for `grace_seconds`, one before that no longer."""
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise ConflictError("key-ended", f"key {key.name!r} has expired or is revoked; make another")
    grace = timedelta(seconds=(body or Rotation()).grace_seconds)
    return with_secret(keys.rotate(session, key, now, grace), response)


@router.post("/{key_id}/revoke", operation_id="revokeKey", responses=problems(404))
def revoke(key: KeyDep, session: SessionDep, caller: Admin, now: NowDep) -> KeyView:
    """Refuse a key from here on. Revoking again changes nothing."""
    keys.revoke(session, key, now)
    return KeyView.model_validate(key)
