"""Events as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class EventView(BaseModel):
    """Something that happened. Numbers rise in the order in which it was stored."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "number": 17,
                    "time": "2026-01-01T00:00:05Z",
                    "kind": "job.state",
                    "job_id": "job-5f0c2b7a9d1e4c3f8a6b",
                    "model": "feed-ranker",
                    "data": {"from": "queued", "to": "starting", "reason": None},
                }
            ]
        },
    )

    number: int
    time: datetime
    kind: str = Field(description="job.state, prune_list.active …")
    job_id: str | None
    model: str | None
    data: dict[str, Any] = Field(description="what is told of it, by kind")
