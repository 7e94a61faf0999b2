"""How many requests a caller may make: fixed windows, counted in this process alone.

Answers say how a caller stands, as draft-ietf-httpapi-ratelimit-headers-10 has it: `RateLimit-Policy` with the quota
`q` and the window `w` in seconds, `RateLimit` with what remains `r` and the seconds `t` until the window ends.
"""

from __future__ import annotations

import ipaddress
import math
import time
from dataclasses import dataclass

import limits
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import ApiError
from service.settings import Settings

IPV6_NETWORK_BITS = 64  # what one subscriber has


@dataclass(frozen=True)
class RateLimitStatus:
    """How a caller stands with the limit named `policy`."""

    policy: str
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window_seconds}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_seconds}',
        }


class RateLimiter:
    """The counters of this process."""

    def __init__(self, settings: Settings) -> None:
        self._windows = FixedWindowRateLimiter(MemoryStorage())
        rates = {"key": settings.rate_limit, "address": settings.unknown_rate_limit}
        self._items = {policy: limits.parse(rate) for policy, rate in rates.items() if rate}

    def count_key(self, key_id: str, scope: Scope) -> None:
        """Raises ApiError 429."""
        self._count("key", key_id, scope)

    def count_unknown(self, scope: Scope) -> None:
        """A request without a good key. Raises ApiError 429."""
        self._count("address", _network(scope), scope)

    def _count(self, policy: str, caller: str, scope: Scope) -> None:
        item = self._items.get(policy)
        if item is None:
            return
        within = self._windows.hit(item, policy, caller)
        window = self._windows.get_window_stats(item, policy, caller)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        status = RateLimitStatus(policy, item.amount, item.get_expiry(), window.remaining, reset)
        scope["state"]["rate_limit"] = status
        if not within:
            detail = f"more than {item.amount} requests in {item.get_expiry()} s; send the next in {reset} s"
            raise ApiError(429, "too-many-requests", detail, headers={"Retry-After": str(reset)})


def _network(scope: Scope) -> str:
    """The address, or of IPv6 the network, which is one caller's."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address), IPV6_NETWORK_BITS), strict=False))


class RateLimitHeaders:
    """The middleware that puts the caller's status on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                status: RateLimitStatus | None = scope["state"].get("rate_limit")
                if status is not None:
                    MutableHeaders(scope=message).update(status.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
