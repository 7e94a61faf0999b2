"""`/v1/me`: who calls."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Caller, Reader, Scope
from service.schemas.common import problems

router = APIRouter(tags=["keys"])
SCOPES: tuple[Scope, ...] = get_args(Scope)


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


def view_of(caller: Caller) -> CallerView:
    scopes = [scope for scope in SCOPES if caller.may(scope)]
    return CallerView(
        name=caller.name,
        key_id=caller.key_id,
        scopes=scopes,
        model=caller.model,
        signed_in=caller.session is not None,
    )


@router.get("/v1/me", operation_id="getCaller", summary="Who calls", responses=problems())
def me(caller: Reader) -> CallerView:
    """The caller's name and rights, so that no page offers what would be refused."""
    return view_of(caller)
