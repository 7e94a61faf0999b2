"""A whole service on a port of this machine, in a thread or in a process that can be killed.

`python -m tests.support.serving HOME PORT` serves until it is killed. Its engine is a folder: what runs, and
how it ends, lies in files, so that the next process finds it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from service.app import create_app
from service.ray.client import Status, Work
from service.settings import Settings
from tests.support.databases import sqlite
from trainers.runs.directory import RunDirectory, write_json, write_text

PROGRESS: dict[str, Any] = {
    "state": "running",
    "stage": "searching",
    "step": 120,
    "total_steps": 800,
    "attempt": 0,
    "loss": 0.41234,
    "penalty": 0.01,
    "rows_per_second": 12345.6,
    "eta": 75.0,
    "polarization": {"low": 0.25, "middle": 0.5, "high": 0.25, "spread": 0.4},
    "converged": {"gates": False, "model": False},
    "gates": {f"feature_{place:02}": round(1 - place / 40, 4) for place in range(40)},
}


class FolderEngine:
    """Jobs run until the file `end` says how they end: with a prune list, or with `{"failed": reason}`."""

    def __init__(self, home: Path) -> None:
        self.works, self.end = home / "works", home / "end.json"

    def submit(self, submission_id: str, work: Work) -> None:
        directory = RunDirectory(work.directory)
        write_json(directory.progress, PROGRESS)
        write_text(directory.log, "workers are up\nsearching, step 120\n")
        write_text(self.works / submission_id, str(work.directory))

    def status(self, submission_id: str) -> Status:
        work = self.works / submission_id
        if not work.exists():
            return Status.UNKNOWN
        ended = work.with_suffix(".ended")
        if ended.exists():
            return Status.ENDED
        if not self.end.exists():
            return Status.RUNNING
        directory, found = RunDirectory(Path(work.read_text())), json.loads(self.end.read_text())
        if "failed" in found:
            directory.record("failed", reason=found["failed"], fault="user")
        else:
            write_json(directory.prune_list, found)
        ended.touch()
        return Status.ENDED

    def explain(self, submission_id: str) -> str | None:
        return None

    def stop(self, submission_id: str) -> None:
        (self.works / submission_id).with_suffix(".ended").touch()

    def healthy(self) -> bool:
        return True


class Home:
    """Where a service keeps its state, and how its jobs are told to end."""

    def __init__(self, path: Path) -> None:
        self.path, self.port = path, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        sqlite(path)

    def finish(self, found: Any) -> None:
        write_json(self.path / "end.json", found)

    def go_on(self) -> None:
        (self.path / "end.json").unlink(missing_ok=True)

    def server(self) -> uvicorn.Server:
        settings = Settings(
            home=self.path,
            poll_seconds=0.1,
            lease_seconds=5,  # a test that kills a service waits for its leases to end
            ray_timeout_seconds=2,
            observe_seconds=2,
            cancel_grace_seconds=0.1,
            max_running_jobs=100,
            webhook_allow_private=True,
            webhook_allow_http=True,
        )
        app = create_app(settings, FolderEngine(self.path), open_to_local=True)
        config = uvicorn.Config(app, port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        return uvicorn.Server(config)

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        server = self.server()
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        yield
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive()

    def process(self) -> subprocess.Popen[bytes]:
        """Answers when this returns; to be killed."""
        made = subprocess.Popen([sys.executable, "-m", "tests.support.serving", str(self.path), str(self.port)])
        try:
            wait_until(self._answers, seconds=120)
        except BaseException:
            made.kill()
            made.wait()
            raise
        return made

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(condition: Any, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it doesn't come"
        time.sleep(0.02)


if __name__ == "__main__":
    home = Home(Path(sys.argv[1]))
    home.port = int(sys.argv[2])
    home.server().run()
