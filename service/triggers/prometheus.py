"""One number from the operator's Prometheus."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx

from service.settings import Settings
from service.triggers.condition import ObservationError

MAX_BYTES = 1 << 20


def ask(settings: Settings, query: str) -> float | None:
    """What the instant query gives; None where it has no value now.

    Raises:
        ObservationError: no answer in time, an error, or anything but one series or a scalar.
    """
    url = f"{str(settings.prometheus_url).rstrip('/')}/api/v1/query"
    try:
        answer = _answer(url, query, settings.observe_seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ObservationError(f"Prometheus doesn't answer: {type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise ObservationError("Prometheus answers with something that isn't its API's JSON") from None
    if not isinstance(answer, dict) or answer.get("status") != "success":
        said = answer.get("error") if isinstance(answer, dict) else None
        raise ObservationError(f"Prometheus refuses the query: {str(said)[:500]}")
    try:
        return _value(answer["data"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise ObservationError("Prometheus answers with something that isn't its API's JSON") from None


def _answer(url: str, query: str, seconds: float) -> Any:
    with (
        httpx.Client(timeout=seconds, trust_env=False, follow_redirects=False) as client,
        client.stream("POST", url, data={"query": query, "timeout": f"{seconds:g}s"}) as response,
    ):
        body = b""
        for part in response.iter_bytes():
            body += part
            if len(body) > MAX_BYTES:
                raise ObservationError("the query gives too much; aggregate it to one series")
        return json.loads(body)


def _value(data: dict[str, Any]) -> float | None:
    kind, result = data["resultType"], data["result"]
    if kind == "vector" and len(result) > 1:
        raise ObservationError(f"the query gives {len(result)} series; aggregate it to one, with max(…) for instance")
    if kind == "vector" and not result:
        return None
    if kind not in {"vector", "scalar"}:
        raise ObservationError(f"the query gives a {str(kind)[:20]}; let it give one series or a scalar")
    value = float((result[0]["value"] if kind == "vector" else result)[1])
    return value if math.isfinite(value) and value >= 0 else None
