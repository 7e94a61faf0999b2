"""Does the Ray that RAY_ADDRESS names answer?"""

from __future__ import annotations

import os
import socket

from trainers.doctor.finding import Finding

CONNECT_SECONDS = 10.0
# Words of Ray's own, in the place of an address.
ON_THIS_MACHINE = ("", "local", "auto")
# Where `winnow serve` starts one; `ray://` may be the end of a tunnel.
LOOPBACK = ("127.", "localhost:", "[::1]:")


def is_elsewhere() -> bool:
    """Whether RAY_ADDRESS names a cluster whose machines aren't known from here: no Ray of this machine alone."""
    address = os.environ.get("RAY_ADDRESS", "")
    return address not in ON_THIS_MACHINE and not address.startswith(LOOPBACK)


def ray_address(address: str | None = None, seconds: float = CONNECT_SECONDS) -> Finding:
    """Does anything listen at the address? Ray itself would try for minutes.

    Args:
        address: RAY_ADDRESS unless given.
        seconds: how long to wait for an answer.
    """
    address = os.environ.get("RAY_ADDRESS", "") if address is None else address
    if address in ON_THIS_MACHINE:
        return Finding(name="ray address", status="ok", finding=f"RAY_ADDRESS is {address or 'not set'}")
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if not host or not port.isdigit():
        return _failed(address, "is no HOST:PORT", "give one such as 10.0.0.1:6379 or ray://10.0.0.1:10001")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            pass
    except (OSError, OverflowError) as error:
        return _failed(address, f"doesn't answer ({error})", "start the cluster")
    return Finding(name="ray address", status="ok", finding=f"{address} can be reached")


def _failed(address: str, what: str, remedy: str) -> Finding:
    return Finding(
        name="ray address",
        status="fail",
        finding=f"RAY_ADDRESS={address} {what}",
        remedy=f"{remedy}, or unset RAY_ADDRESS to run on this machine",
    )
