"""`/v1/webhooks` and `/v1/models/{model}/webhooks`: where events are sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth import Admin, unrestricted
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import IfMatch, etag, require_match
from service.api.problems import ApiError, FieldError
from service.schemas.common import BIGGEST, Body, problems, storable
from service.settings import Settings
from service.store import events, webhooks
from service.store.tables import Delivery, Webhook
from service.webhooks import signing
from service.webhooks.targets import LONGEST_URL, TargetRefusedError, check_url

router = APIRouter(tags=["webhooks"])
ITEM = "/v1/webhooks/{webhook_id}"
OF_ALL_MODELS = "a webhook of all models"
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


class WebhookSettings(Body):
    """Where events go, and which."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    url: Url
    kinds: Kinds = Field(default=[])


class WebhookPatch(Body):
    """What is to change; what isn't given stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    url: Url = ""
    kinds: Kinds = Field(default=[])
    enabled: bool = Field(default=True, description="false: send nothing, and give up what waits to be sent")


class SecretRotation(Body):
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

    @classmethod
    def of(cls, delivery: Delivery, kind: str | None) -> DeliveryView:
        content = {name: getattr(delivery, name) for name in cls.model_fields if name not in {"event", "kind"}}
        return cls(event=delivery.event_number, kind=kind, **content)


class DeliveryPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deliveries": [DELIVERY], "next": 41}]})

    deliveries: list[DeliveryView]
    next: int | None


class Pinged(BaseModel):
    """A test is on its way."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "webhook.ping"}]})

    kind: str = Field(description="of the event; the webhook's deliveries say what came of it")


def webhook_of(webhook_id: str, session: SessionDep, caller: Admin) -> Webhook:
    """Locked, so that a change is made from what is there."""
    webhook = webhooks.find(session, webhook_id, lock=True) if storable(webhook_id) else None
    if webhook is None or not caller.sees(webhook.model):
        raise ApiError(404, "webhook-not-found", f"there is no webhook {webhook_id!r}; list those there are")
    return webhook


def delivery_of(delivery_id: str, webhook: WebhookDep, session: SessionDep) -> Delivery:
    found = webhooks.find_delivery(session, webhook.id, delivery_id) if storable(delivery_id) else None
    if found is None:
        raise ApiError(404, "delivery-not-found", f"this webhook has no delivery {delivery_id!r}; list those it has")
    return found


WebhookDep = Annotated[Webhook, Depends(webhook_of)]
DeliveryDep = Annotated[Delivery, Depends(delivery_of)]
Cursor = Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


def shown(webhook: Webhook, response: Response) -> WebhookView:
    response.headers["ETag"] = etag(webhook.version)
    return WebhookView.model_validate(webhook)


def with_secret(webhook: Webhook, response: Response) -> WebhookWithSecret:
    response.headers["Cache-Control"] = "no-store"
    return WebhookWithSecret(**shown(webhook, response).model_dump(), secret=webhook.secret)


def _checked(url: str, settings: Settings) -> str:
    try:
        check_url(url, settings)
    except TargetRefusedError as error:
        errors = [FieldError(field="url", value=url if storable(url) else None, message=str(error))]
        raise ApiError(422, "target-refused", f"url: {error}", errors) from None
    return url


@router.post("/v1/webhooks", status_code=201, operation_id="createWebhook", responses=problems(400, 422))
def create(
    body: WebhookSettings, session: SessionDep, settings: SettingsDep, caller: Admin, now: NowDep, response: Response
) -> WebhookWithSecret:
    """Send events of all models, and of none, from here on. This answer alone has the secret."""
    unrestricted(caller, OF_ALL_MODELS)
    return _created(session, body, settings, caller.name, now, None, response)


@router.post(
    "/v1/models/{model}/webhooks",
    status_code=201,
    operation_id="createModelWebhook",
    responses=problems(400, 404, 422),
)
def create_of_model(
    body: WebhookSettings,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Admin,
    now: NowDep,
    response: Response,
) -> WebhookWithSecret:
    """Send a model's events from here on. This answer alone has the secret."""
    return _created(session, body, settings, caller.name, now, model.name, response)


def _created(
    session: SessionDep,
    body: WebhookSettings,
    settings: Settings,
    by: str,
    now: datetime,
    model: str | None,
    response: Response,
) -> WebhookWithSecret:
    url = _checked(body.url, settings)
    secret = signing.new_secret()
    made = webhooks.create(session, now, url=url, kinds=body.kinds, model=model, secret=secret, created_by=by)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return with_secret(made, response)


@router.get("/v1/webhooks", operation_id="listWebhooks", responses=problems(422))
def listing(session: SessionDep, caller: Admin, cursor: Cursor = None, limit: Limit = 50) -> WebhookPage:
    """The webhooks of all models."""
    unrestricted(caller, OF_ALL_MODELS)
    return _page(session, None, cursor, limit)


@router.get("/v1/models/{model}/webhooks", operation_id="listModelWebhooks", responses=problems(404, 422))
def listing_of_model(
    model: ModelDep, session: SessionDep, caller: Admin, cursor: Cursor = None, limit: Limit = 50
) -> WebhookPage:
    """The webhooks of a model."""
    return _page(session, model.name, cursor, limit)


def _page(session: SessionDep, model: str | None, cursor: int | None, limit: int) -> WebhookPage:
    found = webhooks.page(session, model, cursor, limit + 1)
    last = found[limit - 1].number if len(found) > limit else None
    return WebhookPage(webhooks=[WebhookView.model_validate(each) for each in found[:limit]], next=last)


@router.get(ITEM, operation_id="getWebhook", responses=problems(404))
def read(webhook: WebhookDep, caller: Admin, response: Response) -> WebhookView:
    """A webhook, without its secret."""
    return shown(webhook, response)


@router.patch(ITEM, operation_id="changeWebhook", responses=problems(400, 404, 412, 422))
def patch(
    body: WebhookPatch,
    webhook: WebhookDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Admin,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> WebhookView:
    """Change a webhook. One that is enabled again gets events from then on."""
    require_match(if_match, etag(webhook.version))
    changes = body.model_dump(exclude_unset=True)
    if "url" in changes:
        webhook.url = _checked(body.url, settings)
    if "kinds" in changes:
        webhook.kinds = body.kinds
    if changes.get("enabled") is False and webhook.enabled:
        webhooks.disable(session, webhook, now)
    elif changes:
        if changes.get("enabled") and not webhook.enabled:
            webhooks.enable(session, webhook)
        webhook.version, webhook.updated_at = webhook.version + 1, now
    return shown(webhook, response)


@router.delete(ITEM, status_code=204, operation_id="deleteWebhook", responses=problems(404, 412))
def delete(webhook: WebhookDep, session: SessionDep, caller: Admin, if_match: IfMatch = None) -> None:
    """Forget a webhook and its deliveries."""
    require_match(if_match, etag(webhook.version))
    session.delete(webhook)


@router.post(f"{ITEM}/rotate", operation_id="rotateWebhookSecret", responses=problems(400, 404, 422))
def rotate(
    webhook: WebhookDep, caller: Admin, now: NowDep, response: Response, body: SecretRotation | None = None
) -> WebhookWithSecret:
    """A new secret. For `grace_seconds` deliveries are signed with both, so that receivers can change over."""
    webhook.old_until = now + timedelta(seconds=(body or SecretRotation()).grace_seconds)
    webhook.old_secret, webhook.secret = webhook.secret, signing.new_secret()
    webhook.version, webhook.updated_at = webhook.version + 1, now
    return with_secret(webhook, response)


@router.post(f"{ITEM}/test", status_code=202, operation_id="testWebhook", responses=problems(404, 409))
def test(webhook: WebhookDep, session: SessionDep, caller: Admin, now: NowDep) -> Pinged:
    """Deliver an event of kind `webhook.ping` to this webhook alone."""
    _require_enabled(webhook)
    data = {"webhook": webhook.id, "by": caller.name}
    events.record(session, webhooks.PING, data, now, model=webhook.model)
    return Pinged(kind=webhooks.PING)


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.enabled:
        raise ApiError(409, "webhook-disabled", f"webhook {webhook.id} is disabled; enable it first")


@router.get(f"{ITEM}/deliveries", operation_id="listDeliveries", responses=problems(404, 422))
def log_of(
    webhook: WebhookDep,
    session: SessionDep,
    caller: Admin,
    state: Literal["pending", "delivered", "failed"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """What was sent to a webhook, or is to be."""
    found = webhooks.deliveries(session, webhook.id, state, cursor, limit + 1)
    last = found[limit - 1][0].number if len(found) > limit else None
    return DeliveryPage(deliveries=[DeliveryView.of(*each) for each in found[:limit]], next=last)


@router.post(
    f"{ITEM}/deliveries/{{delivery_id}}/redeliver",
    status_code=202,
    operation_id="redeliver",
    responses=problems(404, 409),
)
def redeliver(
    webhook: WebhookDep, delivery: DeliveryDep, session: SessionDep, caller: Admin, now: NowDep
) -> DeliveryView:
    """Send it again, under the same `webhook-id`, with as many tries as at first."""
    _require_enabled(webhook)
    if delivery.state == "pending":
        raise ApiError(409, "delivery-pending", f"delivery {delivery.id} is still to be sent; wait for it")
    webhooks.again(delivery, now)
    return DeliveryView.of(delivery, webhooks.kind_of(session, delivery))
