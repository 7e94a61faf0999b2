"""`/v1/webhooks` and `/v1/models/{model}/webhooks`: where events are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import ColumnElement

from service.api.auth import Admin
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import UNCHANGED, IfMatch, IfNoneMatch, answer_if_new, etag, require_match
from service.api.openapi import problems
from service.core.errors import ConflictError, NotFoundError
from service.schemas.common import BIGGEST, storable
from service.schemas.webhooks import (
    DeliveryPage,
    DeliveryView,
    Pinged,
    SecretRotation,
    WebhookPage,
    WebhookPatch,
    WebhookSettings,
    WebhookView,
    WebhookWithSecret,
)
from service.settings import Settings
from service.store import events, webhooks
from service.store.tables import Delivery, Webhook
from service.webhooks import signing
from service.webhooks.targets import check_url

router = APIRouter(route_class=JsonBodyRoute, tags=["webhooks"])
ITEM = "/v1/webhooks/{webhook_id}"
OF_ALL_MODELS = "a webhook of all models"


def webhook_of(webhook_id: str, session: SessionDep, caller: Admin) -> Webhook:
    """Locked, so that a change is made from what is there."""
    webhook = webhooks.find(session, webhook_id, lock=True) if storable(webhook_id) else None
    if webhook is None or not caller.sees(webhook.model):
        raise NotFoundError("webhook-not-found", f"there is no webhook {webhook_id!r}; list those there are")
    return webhook


def delivery_of(delivery_id: str, webhook: WebhookDep, session: SessionDep) -> Delivery:
    """The delivery of the path, locked. Raises NotFoundError."""
    found = webhooks.find_delivery(session, webhook.id, delivery_id) if storable(delivery_id) else None
    if found is None:
        raise NotFoundError("delivery-not-found", f"this webhook has no delivery {delivery_id!r}; list those it has")
    return found


WebhookDep = Annotated[Webhook, Depends(webhook_of)]
DeliveryDep = Annotated[Delivery, Depends(delivery_of)]
Cursor = Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


def webhook_view(webhook: Webhook, response: Response) -> WebhookView:
    response.headers["ETag"] = etag(webhook.version)
    return WebhookView.model_validate(webhook)


def delivery_view(delivery: Delivery, kind: str | None) -> DeliveryView:
    """A delivery, and the kind of its event."""
    content = {name: getattr(delivery, name) for name in DeliveryView.model_fields if name not in {"event", "kind"}}
    return DeliveryView(event=delivery.event_number, kind=kind, **content)


def with_secret(webhook: Webhook, response: Response) -> WebhookWithSecret:
    response.headers["Cache-Control"] = "no-store"
    return WebhookWithSecret(**webhook_view(webhook, response).model_dump(), secret=webhook.secret)


@router.post("/v1/webhooks", status_code=201, operation_id="createWebhook", responses=problems(400, 422))
def create(
    body: WebhookSettings, session: SessionDep, settings: SettingsDep, caller: Admin, now: NowDep, response: Response
) -> WebhookWithSecret:
    """Send events of all models, and of none, from here on. This answer alone has the secret."""
    caller.require_all_models(OF_ALL_MODELS)
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
    check_url(body.url, settings)
    secret = signing.new_secret()
    made = webhooks.create(session, now, url=body.url, kinds=body.kinds, model=model, secret=secret, created_by=by)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return with_secret(made, response)


@router.get("/v1/webhooks", operation_id="listWebhooks", responses=problems(422))
def listing(
    session: SessionDep,
    caller: Admin,
    every: Annotated[bool, Query(description="those of single models as well")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> WebhookPage:
    """The webhooks that are sent the events of all models; with `every`, those of single models as well."""
    caller.require_all_models(OF_ALL_MODELS)
    return _page(session, () if every else (Webhook.model.is_(None),), cursor, limit)


@router.get("/v1/models/{model}/webhooks", operation_id="listModelWebhooks", responses=problems(404, 422))
def listing_of_model(
    model: ModelDep, session: SessionDep, caller: Admin, cursor: Cursor = None, limit: Limit = 50
) -> WebhookPage:
    """The webhooks of a model."""
    return _page(session, (Webhook.model == model.name,), cursor, limit)


def _page(session: SessionDep, only: Sequence[ColumnElement[bool]], cursor: int | None, limit: int) -> WebhookPage:
    found = webhooks.page(session, only, cursor, limit + 1)
    last = found[limit - 1].number if len(found) > limit else None
    return WebhookPage(webhooks=[WebhookView.model_validate(each) for each in found[:limit]], next=last)


@router.get(ITEM, operation_id="getWebhook", responses={**problems(404), **UNCHANGED})
def read(webhook: WebhookDep, caller: Admin, response: Response, if_none_match: IfNoneMatch = None) -> WebhookView:
    """A webhook, without its secret."""
    answer_if_new(if_none_match, etag(webhook.version), response)
    return webhook_view(webhook, response)


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
        check_url(body.url, settings)
        webhook.url = body.url
    if "kinds" in changes:
        webhook.kinds = body.kinds
    if changes.get("enabled") is False and webhook.enabled:
        webhooks.disable(session, webhook, now)
    elif changes:
        if changes.get("enabled") and not webhook.enabled:
            webhooks.enable(session, webhook)
        webhook.version, webhook.updated_at = webhook.version + 1, now
    return webhook_view(webhook, response)


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
        raise ConflictError("webhook-disabled", f"webhook {webhook.id} is disabled; enable it first")


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
    return DeliveryPage(deliveries=[delivery_view(*each) for each in found[:limit]], next=last)


@router.post(
    f"{ITEM}/deliveries/{{delivery_id}}/redeliver",
    status_code=202,
    operation_id="redeliver",
    summary="Deliver an event again",
    responses=problems(404, 409),
)
def redeliver(
    webhook: WebhookDep, delivery: DeliveryDep, session: SessionDep, caller: Admin, now: NowDep
) -> DeliveryView:
    """Send it again, under the same `webhook-id`, with as many tries as at first."""
    _require_enabled(webhook)
    if delivery.state == "pending":
        raise ConflictError("delivery-pending", f"delivery {delivery.id} is still to be sent; wait for it")
    webhooks.redeliver(delivery, now)
    return delivery_view(delivery, webhooks.kind_of(session, delivery))
