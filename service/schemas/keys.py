"""API keys and callers as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.core.identity import Scope
from service.schemas.common import RequestModel, StoredText

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


class NewKey(RequestModel):
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


class Rotation(RequestModel):
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


class CallerView(BaseModel):
    """Who calls, and what they may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "platform-team",
                    "key_id": "9f86d081884c7d65",
                    "scopes": ["read", "submit"],
                    "model": "feed-ranker",
                    "signed_in": True,
                }
            ]
        }
    )

    name: str = Field(description="the key's; `local` where the service asks this machine for none")
    key_id: str | None = Field(description="the key's; null without one")
    scopes: list[Scope] = Field(description="all that the caller has, those included in others too")
    model: str | None = Field(description="the one model that the caller sees; null for all")
    signed_in: bool = Field(description="whether this is a browser that signed in, and can sign out")
