"""Are Ray's ports free, and if not, who has them? Read from /proc, so only one's own processes are named."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from trainers.doctor.finding import Finding

RAY_PORTS = {6379: "head", 8265: "dashboard and jobs", 10001: "client"}
LISTENING = "0A"


def ray_ports(ports: Mapping[int, str] = RAY_PORTS) -> Finding:
    """Is each port free on loopback? A taken one is a warning: it may be the Ray that is meant to be used.

    Args:
        ports: port to what Ray uses it for.
    """
    taken = [port for port in ports if not _free(port)]
    if not taken:
        return Finding(name="ray ports", status="ok", finding=f"{', '.join(str(port) for port in ports)} free")
    said = ", ".join(f"{port} ({ports[port]}) by {owner(port) or 'another process'}" for port in taken)
    return Finding(
        name="ray ports",
        status="warn",
        finding=f"taken: {said}",
        remedy="if it is Ray, join it with RAY_ADDRESS or end it with `ray stop`; else stop that process, "
        "or start Ray on other ports (`ray start --head --port … --dashboard-port …`)",
    )


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def owner(port: int) -> str | None:
    """`name (pid 123)` of the process that listens on a port; None where it can't be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets and _has_open(process, sockets):
            name = (process / "comm").read_text(encoding="utf-8").strip()
            return f"{name} (pid {process.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def _has_open(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in (process / "fd").iterdir())
    except OSError:
        return False
