"""Where deliveries may go: to public addresses, unless the operator allows others.

A name is resolved once per connection, all its addresses are checked, and one of those is connected to: a name that
resolves differently a moment later leads nowhere else. TLS goes by the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore
import httpx

from service.core.errors import FieldError, InvalidError
from service.schemas.common import storable
from service.schemas.webhooks import LONGEST_URL
from service.settings import Settings

Resolver = Callable[[str, int], Awaitable[list[str]]]
# Protocol assignments and 6to4 relays, which Python calls global in part; then what carries an IPv4 address, which a
# gateway beyond our sight would connect to: mapped, NAT64 (RFC 6052, RFC 8215), 6to4, Teredo.
SPECIAL = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24",
        "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
    )
]  # fmt: skip


class TargetRefusedError(InvalidError):
    """Deliveries may not go there; the message says why."""

    def __init__(self, reason: str, url: str | None = None) -> None:
        super().__init__("target-refused", f"url: {reason}", [FieldError(field="url", value=url, message=reason)])
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


async def resolve(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def check_url(url: str, settings: Settings) -> None:
    """What can be said of a target before it is resolved. Raises TargetRefusedError."""
    try:
        _check_url(url, settings)
    except TargetRefusedError as error:
        raise TargetRefusedError(error.reason, url if storable(url) else None) from None


def _check_url(url: str, settings: Settings) -> None:
    schemes = ("https", "http") if settings.webhook_allow_http else ("https",)
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise TargetRefusedError(f"{url!r} is no URL; give one such as https://example.com/hooks/winnow") from None
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise TargetRefusedError(f"give a URL of at most {LONGEST_URL} characters, with others than these encoded")
    if parsed.scheme not in schemes or not parsed.host:
        raise TargetRefusedError(
            f"{url!r} isn't {' or '.join(schemes)}; give such a URL, or have the operator set WINNOW_WEBHOOK_ALLOW_HTTP"
        )
    if parsed.userinfo or parsed.fragment:
        raise TargetRefusedError(f"{url!r} has credentials or a fragment, which would not be sent; leave them out")
    if parsed.port is not None and not 0 < parsed.port < 2**16:
        raise TargetRefusedError(f"{url!r} names no port; give one of 1 to 65535")
    if not settings.webhook_allow_private:
        _check_literal(parsed.raw_host.decode("ascii"))


def _check_literal(host: str) -> None:
    """An address, in any form that the system reads as one, or this machine by its name."""
    if host.rstrip(".").rpartition(".")[2] == "localhost":
        raise TargetRefusedError(_private(host))
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return  # a name: checked when it is resolved
    check_addresses(host, [str(address[0]) for *_, address in found])


def check_addresses(host: str, addresses: Iterable[str]) -> None:
    """Raises TargetRefusedError where any of them is not a public one."""
    if not all(map(is_public, addresses)):
        raise TargetRefusedError(_private(host))


def _private(host: str) -> str:
    return (
        f"{host!r} is, or resolves to, an address that isn't public; give a public one, "
        "or have the operator set WINNOW_WEBHOOK_ALLOW_PRIVATE"
    )


def is_public(text: str) -> bool:
    """Whether an address belongs to one machine of the internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    if special or address.is_private or address.is_link_local or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return not any(address in network for network in SPECIAL)


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only where deliveries may go; `start_tls` goes by the name as always.

    Args:
        allow_private: check nothing.
        resolver: gives the addresses of a name.
    """

    def __init__(self, *, allow_private: bool, resolver: Resolver = resolve) -> None:
        self._allow_private, self._resolver = allow_private, resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an address that was checked, so that a second resolution can't lead elsewhere.

        Raises:
            TargetRefusedError: an address isn't public, and private ones aren't allowed.
            httpcore.ConnectError: no address answers, or the host has none.
        """
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host!r} can't be resolved: {error}") from None
        if not self._allow_private:
            check_addresses(host, addresses)
        failed: Exception = httpcore.ConnectError(f"{host!r} has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise TargetRefusedError(f"{path!r} is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
