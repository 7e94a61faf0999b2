"""The audit log as the API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.common import BIGGEST, Instant, QueryModel, StoredText

ENTRY: dict[str, Any] = {
    "time": "2026-01-01T00:00:00Z",
    "by": "nightly-selection",
    "key_id": "9f86d081884c7d65",
    "operation": "submitModelJob",
    "method": "POST",
    "path": "/v1/models/feed-ranker/jobs",
    "model": "feed-ranker",
    "status": 202,
    "request_id": "5d41402abc4b2a76",
    "detail": {"address": "10.1.2.3"},
}


class AuditView(BaseModel):
    """A request that changed something, or was refused with 401 or 403."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [ENTRY]})

    time: datetime
    by: str = Field(description="the key's name; `local` without a key, `unknown` with none that is good")
    key_id: str | None
    operation: str = Field(description="its operation id in this document; of `winnow keys`, the command")
    method: str
    path: str = Field(description="percent-encoded, without the query")
    model: str | None = Field(description="named in the path, or the only one that the key is for")
    status: int = Field(description="the answer's, as this document gives it where the request succeeded")
    request_id: str = Field(description="as in the service's log, and in the answer's `X-Request-Id`")
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [ENTRY], "next": 41}]})

    entries: list[AuditView]
    next: int | None


class AuditQuery(QueryModel):
    """Which entries: those that fit every filter given."""

    by: StoredText | None = None
    key_id: StoredText | None = None
    operation: StoredText | None = None
    model: StoredText | None = None
    status: int | None = Field(default=None, ge=100, le=599)
    request_id: StoredText | None = None
    after: Instant | None = None
    before: Instant | None = None
    cursor: int | None = Field(default=None, ge=1, le=BIGGEST, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)
