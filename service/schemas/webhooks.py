"""Webhooks and their deliveries as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.common import RequestModel

LONGEST_URL = 2000


DAY_SECONDS = 24 * 3600


EXAMPLE: dict[str, Any] = {"url": "https://example.com/hooks/winnow", "kinds": ["prune_list.*", "job.state"]}


WEBHOOK: dict[str, Any] = {
    "id": "webhook-5f0c2b7a9d1e4c3f8a6b",
    "model": "feed-ranker",
    **EXAMPLE,
    "enabled": True,
    "version": 1,
    "created_by": "platform-team",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "old_until": None,
}


DELIVERY: dict[str, Any] = {
    "id": "msg_0cc175b9c0f1b6a831c399e269772661",
    "event": 17,
    "kind": "prune_list.active",
    "state": "pending",
    "tries": 2,
    "next_at": "2026-01-01T00:00:22Z",
    "status": 503,
    "answer": "try later",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:06Z",
}


Url = Annotated[
    str, Field(max_length=LONGEST_URL, description="https; it may not lead to an address that isn't public")
]


Kinds = Annotated[
    list[Annotated[str, Field(max_length=40, pattern=r"^[a-z_]+\.([a-z_]+|\*)$")]],
    Field(max_length=50, description="kinds of events, or prefixes such as `prune_list.*`; empty for all"),
]


class WebhookSettings(RequestModel):
    """Where events go, and which."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    url: Url
    kinds: Kinds = Field(default=[])


class WebhookPatch(RequestModel):
    """What is to change; what isn't given stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    url: Url = ""
    kinds: Kinds = Field(default=[])
    enabled: bool = Field(default=True, description="false: send nothing, and give up what waits to be sent")


class SecretRotation(RequestModel):
    """How a signing secret is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grace_seconds": 86400}]})

    grace_seconds: int = Field(
        default=DAY_SECONDS, ge=0, le=30 * DAY_SECONDS, description="how long the present secret goes on signing too"
    )


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [WEBHOOK]})

    id: str
    model: str | None = Field(description="whose events are sent; null for all")
    url: str
    kinds: list[str]
    enabled: bool = Field(description="false where someone said so, or the receiver failed for too long")
    version: int = Field(description="rises with every change; the ETag")
    created_by: str
    created_at: datetime
    updated_at: datetime
    old_until: datetime | None = Field(description="until when the secret before the last rotation signs too")


class WebhookWithSecret(WebhookView):
    """A webhook as it is made, or as its secret is rotated: the only answers that have the secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**WEBHOOK, "secret": "whsec_…"}]})

    secret: str = Field(description="verifies deliveries, as Standard Webhooks has it")


class WebhookPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"webhooks": [WEBHOOK], "next": None}]})

    webhooks: list[WebhookView]
    next: int | None


class DeliveryView(BaseModel):
    """One event for one webhook."""

    model_config = ConfigDict(json_schema_extra={"examples": [DELIVERY]})

    id: str = Field(description="the `webhook-id` of every try")
    event: int = Field(description="the event's number")
    kind: str | None = Field(description="the event's; null where it is no longer kept")
    state: Literal["pending", "delivered", "failed"]
    tries: int
    next_at: datetime | None = Field(description="when it is tried next")
    status: int | None = Field(description="the receiver's last; null where there was no answer")
    answer: str | None = Field(description="how the receiver's last answer begins, or why there was none")
    created_at: datetime
    updated_at: datetime


class DeliveryPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deliveries": [DELIVERY], "next": 41}]})

    deliveries: list[DeliveryView]
    next: int | None


class Pinged(BaseModel):
    """A test is on its way."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "webhook.ping"}]})

    kind: str = Field(description="of the event; the webhook's deliveries say what came of it")
