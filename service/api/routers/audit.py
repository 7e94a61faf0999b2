"""`/v1/audit`: who did what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from service.api.auth import Admin
from service.api.deps import SessionDep
from service.api.openapi import problems
from service.schemas.audit import AuditPage, AuditQuery, AuditView
from service.store import audit

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", operation_id="listAudit", responses=problems(422))
def listing(session: SessionDep, caller: Admin, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """Entries that fit every filter given, newest first."""
    caller.require_all_models("the audit log")
    filters = audit.Filters(**query.model_dump(exclude={"cursor", "limit"}))
    found = audit.page(session, filters, query.cursor, query.limit + 1)
    last = found[query.limit - 1].number if len(found) > query.limit else None
    return AuditPage(entries=[AuditView.model_validate(entry) for entry in found[: query.limit]], next=last)
