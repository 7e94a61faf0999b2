"""`/v1/keys`: API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Admin, Caller, Scope
from service.api.deps import NowDep, SessionDep
from service.api.problems import ApiError
from service.schemas.common import BIGGEST, Body, StoredText, problems, storable
from service.store import keys, models
from service.store.tables import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["keys"])
YEAR_SECONDS = 366 * 24 * 3600
DAY_SECONDS = 24 * 3600
KEY: dict[str, Any] = {
    "id": "9f86d081884c7d65",
    "name": "nightly-selection",
    "scopes": ["submit"],
    "model": "feed-ranker",
    "created_by": "platform-team",
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-04-01T00:00:00Z",
    "revoked_at": None,
    "last_used_at": "2026-01-02T03:04:00Z",
    "old_until": None,
}


class NewKey(Body):
    """What a key is to be good for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "nightly-selection",
                    "scopes": ["submit"],
                    "model": "feed-ranker",
                    "expires_in_seconds": 7776000,
                }
            ]
        }
    )

    name: Annotated[StoredText, Field(min_length=1, description="whose it is, as the audit log will say")]
    scopes: list[Scope] = Field(
        min_length=1, max_length=4, description="submit and approve include read, admin includes all"
    )
    model: StoredText | None = Field(default=None, description="the one model that the key is for; null for all")
    expires_in_seconds: int | None = Field(
        default=None, ge=1, le=10 * YEAR_SECONDS, description="how long it is good for; null for ever"
    )


class Rotation(Body):
    """How a secret is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grace_seconds": 86400}]})

    grace_seconds: int = Field(
        default=DAY_SECONDS, ge=0, le=30 * DAY_SECONDS, description="how long the present secret stays good"
    )


class KeyView(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [KEY]})

    id: str = Field(description="also the part of the secret after `wnw_`")
    name: str
    scopes: list[Scope]
    model: str | None = Field(description="the one model that it is for; null for all")
    created_by: str
    created_at: datetime
    expires_at: datetime | None = Field(description="null where it doesn't expire")
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")
    old_until: datetime | None = Field(description="until when the secret before the last rotation is good too")


class KeyWithSecret(KeyView):
    """A key as it is made or rotated: the only answer that has its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**KEY, "key": "wnw_9f86d081884c7d65_…"}]})

    key: str = Field(description="the secret: to be sent as `Authorization: Bearer KEY`")


class KeyPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"keys": [KEY], "next": None}]})

    keys: list[KeyView]
    next: int | None


def key_of(key_id: str, session: SessionDep, caller: Admin) -> ApiKey:
    key = keys.find(session, key_id) if storable(key_id) else None
    if key is None or not caller.sees(key.model):
        raise ApiError(404, "key-not-found", f"there is no key {key_id!r}; `GET /v1/keys` lists those there are")
    return key


KeyDep = Annotated[ApiKey, Depends(key_of)]


def with_secret(made: keys.Made, response: Response) -> KeyWithSecret:
    response.headers["Cache-Control"] = "no-store"
    return KeyWithSecret(**KeyView.model_validate(made.key).model_dump(), key=made.secret)


@router.post("", status_code=201, operation_id="createKey", responses=problems(400, 422))
def create(body: NewKey, session: SessionDep, caller: Admin, now: NowDep, response: Response) -> KeyWithSecret:
    """Make a key, for no more than the caller's own may do. This answer alone has the secret."""
    _require_own(caller, body)
    if body.model is not None and models.find(session, body.model) is None:
        raise ApiError(422, "model-unknown", f"model: there is no model {body.model!r}; register it first")
    lasts = body.expires_in_seconds
    expires_at = None if lasts is None else now + timedelta(seconds=lasts)
    made = keys.create(session, body.name, body.scopes, now, by=caller.name, model=body.model, expires_at=expires_at)
    response.headers["Location"] = f"/v1/keys/{made.key.id}"
    return with_secret(made, response)


def _require_own(caller: Caller, body: NewKey) -> None:
    """Raises ApiError 403 where the key would be able to do what its maker's isn't."""
    if not caller.sees(body.model):
        detail = f"model: key {caller.name!r} is for model {caller.model!r} and makes keys for that alone; name it"
        raise ApiError(403, "key-of-one-model", detail)
    missing = [scope for scope in body.scopes if not caller.may(scope)]
    if missing:
        raise ApiError(403, "scope-missing", f"scopes: key {caller.name!r} has no scope {missing[0]!r} to hand on")


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
        raise ApiError(409, "key-ended", f"key {key.name!r} has expired or is revoked; make another")
    grace = timedelta(seconds=(body or Rotation()).grace_seconds)
    return with_secret(keys.rotate(session, key, now, grace), response)


@router.post("/{key_id}/revoke", operation_id="revokeKey", responses=problems(404))
def revoke(key: KeyDep, session: SessionDep, caller: Admin, now: NowDep) -> KeyView:
    """Refuse a key from here on. Revoking again changes nothing."""
    keys.revoke(session, key, now)
    return KeyView.model_validate(key)
