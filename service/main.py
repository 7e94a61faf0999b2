"""How the control plane is started: on this machine by `winnow serve`, in a container by an ASGI server."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

import structlog
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.core.loopback import is_loopback
from service.ray.client import RayEngine
from service.ray.local_cluster import LocalRay
from service.settings import Settings
from service.store import keys
from service.store.database import connect


def serve(home: Path, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve until stopped. State stays under `home`; runs go on in Ray and are found again at the next start.

    Raises:
        ValueError: as `require_a_key` has it.
    """
    settings = Settings(home=home)
    if settings.public_url is None:
        settings = settings.model_copy(update={"public_url": _url(host, port)})
    require_a_key(home, host)
    _log_as_json(sys.stderr)  # stdout is the command's result
    engine = _engine(settings)
    log = structlog.get_logger()
    log.info("serving", url=_url(host, port), docs=f"{_url(host, port)}/docs", home=str(home))
    if not _has_keys(settings):
        log.warning("no API key yet: whoever is on this machine may do everything", make_the_first=_first_key(home))
    app = create_app(settings, engine, open_to_local=is_loopback(host))
    uvicorn.run(app, host=host, port=port, log_level="warning")


def _url(host: str, port: int) -> str:
    """As this machine reaches it: a host that stands for all addresses is none to call."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def require_a_key(home: Path, host: str) -> None:
    """Without any key ever made, serve this machine alone. Raises ValueError for another `host` than loopback."""
    if not is_loopback(host) and not _has_keys(Settings(home=home)):
        raise ValueError(
            f"host: {host} can be reached from other machines, and there is no API key yet; make the first: "
            + _first_key(home)
        )


def _first_key(home: Path) -> str:
    return f"winnow keys create --home {home} --name NAME --scope admin"


def _has_keys(settings: Settings) -> bool:
    settings.home.mkdir(parents=True, exist_ok=True)
    with connect(settings.database)() as session:
        return keys.any_exist(session)


def application() -> FastAPI:
    """`uvicorn --factory service.main:application`: settings from the environment. Every caller needs a key."""
    _log_as_json(sys.stdout)
    settings = Settings()
    return create_app(settings, _engine(settings))


def _engine(settings: Settings) -> RayEngine:
    """The cluster of the settings, where `winnow` is on the path; else a local Ray, in this environment."""
    seconds = settings.ray_timeout_seconds
    if settings.ray_address is not None:
        return RayEngine(settings.ray_address, token=ray_token(), timeout_seconds=seconds)
    winnow = str(Path(sys.executable).with_name("winnow"))
    return LocalRay(settings.home, timeout_seconds=seconds, winnow=winnow)


def ray_token() -> str | None:
    """A cluster's token, from where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token."""
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token
    # A process of a user that the machine doesn't know has no home; `~` then stays as it is, and names no file.
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or os.path.expanduser("~/.ray/auth_token"))  # noqa: PTH111
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _log_as_json(file: TextIO) -> None:
    """Write the log to `file`, whatever is printed elsewhere later."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(file),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
