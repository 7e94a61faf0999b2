"""A run's coordinator in the driver, which workers on this machine reach over connections."""

from __future__ import annotations

import copy
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from trainers.runs.coordinator import Coordinator, Failure, Snapshot
from trainers.runs.progress import Progress


@dataclass(frozen=True)
class Call:
    """A worker's call of one of the coordinator's methods."""

    method: str
    arguments: tuple[Any, ...]
    wants_answer: bool


@dataclass(frozen=True)
class Fault:
    """A worker's last message: the error it ends by, in one line."""

    message: str


class LocalCoordinator:
    """A coordinator that threads share: one a worker, and the driver's own."""

    def __init__(self, features: tuple[str, ...]) -> None:
        self._coordinator, self._lock = Coordinator(features), threading.Lock()

    def progress(self) -> Progress:
        with self._lock:
            return self._coordinator.progress()

    def since(self, attempt: int, count: int) -> tuple[int, int, list[Snapshot]]:
        with self._lock:
            return self._coordinator.since(attempt, count)

    def lose(self, cause: str) -> None:
        """Record what ended a worker that could tell nothing itself."""
        with self._lock:
            self._coordinator.lose(cause)

    def failure(self) -> Failure | None:
        with self._lock:
            return self._coordinator.failure()

    def snapshot(self) -> Coordinator:
        """A copy; snapshots themselves never change."""
        with self._lock:
            found = copy.copy(self._coordinator)
            found.snapshots, found.stages = list(found.snapshots), dict(found.stages)
            found.ranks, found.pending = dict(found.ranks), {}
            return found

    def serve(self, connection: Connection, rank: int) -> str | None:
        """Answer the worker of a rank until it ends; returns the error it ended by, where it told one."""
        with connection:
            while True:
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    return None
                if isinstance(message, Fault):
                    with self._lock:
                        self._coordinator.crash(rank, message.message)
                    return message.message
                with self._lock:
                    answer = getattr(self._coordinator, message.method)(*message.arguments)
                if message.wants_answer:
                    with suppress(OSError):  # It has died meanwhile, and the next reading says so.
                        connection.send(answer)
