"""How the control plane is started: on this machine by `winnow serve`, in a container by an ASGI server."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.engine import RayEngine
from service.local_ray import ensure
from service.settings import Settings


def serve(home: Path, host: str = "127.0.0.1", port: int = 8080, *, allow_remote: bool = False) -> None:
    """Serve until stopped. State stays under `home`; runs go on in Ray and are found again at the next start.

    Raises:
        ValueError: `host` is not loopback, and `allow_remote` wasn't given.
    """
    if not allow_remote and not _loopback(host):
        raise ValueError(
            f"host: {host} can be reached from other machines, and the API has no keys yet; "
            "use 127.0.0.1 behind a proxy that authenticates, or add --allow-remote"
        )
    _log_as_json()
    settings = Settings(home=home)
    engine = _engine(settings)
    structlog.get_logger().info(
        "serving", url=f"http://{host}:{port}", docs=f"http://{host}:{port}/docs", home=str(home)
    )
    app = create_app(settings, engine, open_to_local=_loopback(host))
    uvicorn.run(app, host=host, port=port, log_level="warning")


def application() -> FastAPI:
    """`uvicorn --factory service.main:application`: settings from the environment. Whoever reaches it may use it."""
    _log_as_json()
    settings = Settings()
    return create_app(settings, _engine(settings))


def _engine(settings: Settings) -> RayEngine:
    """The cluster of the settings, where `winnow` is on the path; else a local Ray, in this environment."""
    seconds = settings.ray_timeout_seconds
    if settings.ray_address is not None:
        return RayEngine(settings.ray_address, token=ray_token(), timeout_seconds=seconds)
    head = ensure(settings.home)
    winnow = str(Path(sys.executable).with_name("winnow"))
    return RayEngine(head.address, token=head.token, timeout_seconds=seconds, winnow=winnow)


def ray_token() -> str | None:
    """A cluster's token, from where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token."""
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
