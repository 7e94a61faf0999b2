"""Checks of the machine: shared memory, open files, names, storage."""

from __future__ import annotations

import resource
import shutil
import socket
import tempfile
from pathlib import Path

from trainers.doctor.finding import Finding

GIB = 2**30
SHARED_MEMORY_BYTES = 2 * GIB
FREE_BYTES = 2 * GIB
FULL_BYTES = 2**26  # less holds no checkpoint
OPEN_FILES = 4096


def shared_memory(path: Path = Path("/dev/shm"), minimum: int = SHARED_MEMORY_BYTES) -> Finding:  # noqa: S108
    """Is there room for Ray's object store? Ray falls back to the disk of /tmp where there isn't.

    Args:
        path: where shared memory is mounted.
        minimum: bytes that should be free there.
    """
    free = shutil.disk_usage(path).free if path.is_dir() else 0
    if free >= minimum:
        return Finding(name="shared memory", status="ok", finding=f"{_gib(free)} free in {path}")
    return Finding(
        name="shared memory",
        status="warn",
        finding=f"{_gib(free)} free in {path}, under {_gib(minimum)}: Ray's object store goes to disk and slows down",
        remedy="`docker run --shm-size=2g`, an emptyDir of medium Memory on Kubernetes, "
        f"or `mount -o remount,size=2G {path}`",
    )


def open_files(minimum: int = OPEN_FILES) -> Finding:
    """Ray opens a few files and sockets per worker and object."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= minimum:
        return Finding(name="open files", status="ok", finding=f"limit {soft}")
    return Finding(
        name="open files",
        status="warn",
        finding=f"this process may open {soft} files, under {minimum}; Ray can run out",
        remedy=f"`ulimit -n {minimum}`"
        + ("" if hard == resource.RLIM_INFINITY or hard >= minimum else " as root, or raise it in limits.conf"),
    )


def names(host: str | None = None, loopback: str = "localhost") -> Finding:
    """Does the host's name resolve to an address of this machine? Gloo and Ray listen on what it resolves to.

    Args:
        host: the name to resolve; this host's own unless given.
        loopback: the name of the loopback interface.
    """
    host = host or socket.gethostname()
    remedy = f"add `127.0.0.1 {loopback} {host}` to /etc/hosts"
    if not _bindable(loopback):
        text = f"{loopback} doesn't resolve to an address of this machine"
        return Finding(name="names", status="fail", finding=text, remedy=remedy)
    if not _bindable(host):
        text = f"host name {host} doesn't resolve to an address of this machine; workers on several hosts can't meet"
        return Finding(name="names", status="warn", finding=text, remedy=remedy)
    return Finding(name="names", status="ok", finding=f"{host} and {loopback} resolve to this machine")


def _bindable(host: str) -> bool:
    try:
        addresses = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_binds(family, address) for family, _, _, _, address in addresses)


def _binds(family: int, address: tuple[object, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.bind(address)
    except OSError:
        return False
    return True


def storage(home: Path, minimum: int = FREE_BYTES) -> Finding:
    """Can the home, or the directory it will be made in, be written, and is there room?

    Args:
        home: a directory, which need not exist yet.
        minimum: bytes that should be free there.
    """
    there = next(path for path in (home.absolute(), *home.absolute().parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".winnow-doctor-"):
            pass
    except OSError as error:
        return Finding(
            name="storage",
            status="fail",
            finding=f"{home} can't be written: {error.strerror} at {there}",
            remedy="name a directory that you may write: --output for a run, --home for the service",
        )
    free = shutil.disk_usage(there).free
    if free < FULL_BYTES:
        return Finding(
            name="storage",
            status="fail",
            finding=f"the disk of {there} is full: {free / 2**20:.0f} MiB free",
            remedy="free some space, or name a directory on another disk",
        )
    if free >= minimum:
        return Finding(name="storage", status="ok", finding=f"{home} can be written, {_gib(free)} free")
    return Finding(
        name="storage",
        status="warn",
        finding=f"{_gib(free)} free at {there}, under {_gib(minimum)}; checkpoints can fill it",
        remedy="free some space, or name a directory on a larger disk",
    )


def temporary_files() -> Finding:
    """Is there a folder for temporary files? Python looks at TMPDIR, /tmp, /var/tmp, /usr/tmp and where it is."""
    try:
        with tempfile.TemporaryFile():
            pass
    except OSError as error:
        return Finding(
            name="temporary files",
            status="fail",
            finding=f"no temporary file can be made: {error.strerror or error}",
            remedy="set TMPDIR to a folder that can be written, or mount a tmpfs at /tmp",
        )
    return Finding(name="temporary files", status="ok", finding=f"in {tempfile.gettempdir()}")


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB"
