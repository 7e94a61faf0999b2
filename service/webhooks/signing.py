"""What a delivery says, and its signature (https://github.com/standard-webhooks/standard-webhooks)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

from service.store.tables import Event

SECRET_BYTES = 32


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def content(event: Event) -> str:
    """The body, the same at every try."""
    said = {
        "type": event.kind,
        "timestamp": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": event.data,
        "number": event.number,
        "model": event.model,
        "job_id": event.job_id,
    }
    return json.dumps(said, separators=(",", ":"), allow_nan=False)


def headers(message: str, body: str, at: datetime, signing: Iterable[str]) -> dict[str, str]:
    """Of one try: the id is the delivery's at every try, the signatures are of this instant, one for each secret."""
    instant = at.astimezone(UTC)
    signatures = (Signer(secret).sign(message, instant, body) for secret in signing)
    return {
        "Content-Type": "application/json",
        "User-Agent": "winnow-webhooks",
        "webhook-id": message,
        "webhook-timestamp": str(int(instant.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
