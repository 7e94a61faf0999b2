"""`/v1/me`: who calls."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter

from service.api.auth import Reader
from service.api.openapi import problems
from service.core.identity import Caller, Scope
from service.schemas.keys import CallerView

router = APIRouter(tags=["keys"])
SCOPES: tuple[Scope, ...] = get_args(Scope)


def view_of(caller: Caller) -> CallerView:
    """A caller as the API shows it, with the scopes that its own ones include."""
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
