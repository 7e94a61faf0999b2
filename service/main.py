"""`winnow serve`: the control plane on this machine."""

from __future__ import annotations

import ipaddress
import logging
from pathlib import Path

import structlog
import uvicorn

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
    engine = RayEngine(settings.ray_address or ensure())
    structlog.get_logger().info(
        "serving", url=f"http://{host}:{port}", docs=f"http://{host}:{port}/docs", home=str(home)
    )
    uvicorn.run(create_app(settings, engine), host=host, port=port, log_level="warning")


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
