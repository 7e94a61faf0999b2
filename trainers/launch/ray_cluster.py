"""Joining the Ray that RAY_ADDRESS names, or starting one that ends with this process."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants

from trainers.doctor import require
from trainers.doctor.cluster import ray_address
from trainers.launch.launcher import RunError
from trainers.problems import one_line
from trainers.scratch import private_folder

# As long as `winnow serve` waits: on a busy machine, Ray's own half a minute is too short.
START_SECONDS = 180.0
LONGEST = 500  # characters of what Ray says
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}


def join(workers: int) -> None:
    """Join the cluster of RAY_ADDRESS where it names one, else start one on loopback that this process ends with.

    Raises:
        DoctorError: nothing listens at RAY_ADDRESS.
        RunError: Ray can't be joined, or doesn't start within START_SECONDS.
    """
    if ray.is_initialized():
        return
    with _kept_sigterm():
        _init(workers)


def _init(workers: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS", "local")
    if address != "local":
        require([ray_address()])
        try:
            ray.init(**QUIET)
        except Exception as error:  # whatever Ray raises, it is the cluster that can't be joined
            raise RunError(
                f"RAY_ADDRESS={address} can't be joined: {one_line(error)[:LONGEST]}; start the cluster, or unset "
                "RAY_ADDRESS to run on this machine"
            ) from error
        return
    _give_own_folder()
    # Ray binds the host's own address unless it takes this machine for one that can't form a cluster.
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False
    start_patiently(
        lambda: ray.init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, workers),
            include_dashboard=False,
            _temp_dir=os.environ["RAY_TMPDIR"],
            **QUIET,
        )
    )


@contextmanager
def _kept_sigterm() -> Iterator[None]:
    """`ray.init` on the main thread has SIGTERM end the process, which may have to say first how a run ended."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def start_patiently(start: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Start Ray; again where it gave up before `seconds` have passed. Raises RunError with a remedy."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        try:
            start()
        except Exception as error:  # Ray raises a plain Exception where it gives up
            ray.shutdown()
            slow = time.monotonic() - began > 1.0
            if slow and time.monotonic() < deadline:
                continue
            raise RunError(
                f"Ray didn't start: {one_line(error)[:LONGEST]}; see whether this machine is short of memory or "
                "processors, and run again, or unset RAY_ADDRESS to run without Ray"
            ) from error
        else:
            return


def _give_own_folder() -> None:
    """Sessions and the token of a local Ray lie in a folder of its own, that goes with this process: the home may not
    be writable, and the folder for temporary files may lie too deep for sockets."""
    if "RAY_TMPDIR" in os.environ and {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        return
    folder = private_folder("winnow-ray-")
    atexit.register(_end_and_remove, folder)
    os.environ.setdefault("RAY_TMPDIR", str(folder))
    if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        token = folder / "token"
        token.write_text(secrets.token_hex(32), encoding="ascii")
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)


def _end_and_remove(folder: Path) -> None:
    """As this process ends: Ray writes into its folder until it has ended."""
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
