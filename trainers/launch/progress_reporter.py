"""A run's reports to the control plane: its progress, at most a second old. The answer says whether the run must end.

A run goes on where the control plane doesn't answer: the newest progress is kept and sent later. A run ends where the
answer says that its job was cancelled or that another attempt took its place.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from trainers.runs.directory import read_json
from trainers.runs.progress import Progress

LEAST_SECONDS = 1.0  # between two reports
ALIVE_SECONDS = 5.0  # between two reports where nothing changes
LONGEST_PAUSE_SECONDS = 30.0
TIMEOUT_SECONDS = 5.0
END_SECONDS = 30.0  # for a run that is to end, before it is ended
INTERRUPTED = 130
REFUSALS = {"urn:winnow:attempt-fenced", "urn:winnow:attempt-ended"}


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a run reports, and as which attempt."""

    url: str
    job_id: str
    attempt: int
    token: str

    @classmethod
    def read(cls, path: Path) -> Destination:
        """From the file that the control plane wrote for this run."""
        return cls(**read_json(path))


def interrupt() -> None:
    """End this process as Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


class Reporter:
    """Context that reports from a thread of its own. `update` takes the newest progress, and never waits.

    Args:
        end: called once, on the reporter's thread, when the run is to end. Where it then doesn't leave the context
            within half a minute, the process is ended.
    """

    def __init__(self, destination: Destination, end: Callable[[], None] = interrupt) -> None:
        self._path = f"/v1/jobs/{destination.job_id}/attempts/{destination.attempt}/reports"
        # Not through a proxy from the environment: the control plane and its cluster are close to each other.
        self._http = httpx.Client(
            base_url=destination.url,
            headers={"Authorization": f"Bearer {destination.token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        self._end = end
        self._number, self._failures = 0, 0
        self._progress: Progress | None = None
        self._changed, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop, name="reports", daemon=True)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # Ray blocks it in all that it starts, and a shell may have it ignored.
            if not callable(signal.getsignal(signal.SIGINT)):
                signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._changed.set()
        self._thread.join(timeout=TIMEOUT_SECONDS)

    def update(self, progress: Progress) -> None:
        self._progress = progress
        self._changed.set()

    def _loop(self) -> None:
        self._changed.set()
        while not self._over.is_set():
            self._changed.wait(ALIVE_SECONDS)
            self._changed.clear()
            if self._must_end():
                self._end()
                if not self._over.wait(END_SECONDS):
                    os._exit(INTERRUPTED)
                return
            self._over.wait(min(LONGEST_PAUSE_SECONDS, LEAST_SECONDS * 2.0**self._failures))

    def _must_end(self) -> bool:
        """Report, and return whether the answer says that this run must end. Without an answer the run goes on."""
        self._number += 1
        progress = None if self._progress is None else self._progress.document()
        try:
            answer = self._http.post(self._path, json={"number": self._number, "progress": progress})
            said = answer.json()
            if answer.status_code == httpx.codes.CONFLICT and said["type"] in REFUSALS:
                return True
            answer.raise_for_status()
            stop = said["stop"] is not None
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            self._failures = min(self._failures + 1, 10)
            return False
        self._failures = 0
        return stop
