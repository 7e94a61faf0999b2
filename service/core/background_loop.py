"""What the service does beside answering requests: steps repeated, each on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

log = structlog.get_logger()

# How many things failed in the step that runs on this thread.
_failed: ContextVar[int] = ContextVar("failed", default=0)


class LoopObserver(Protocol):
    """Is told of loops and of their steps."""

    def loop(self, name: str) -> None:
        """There is such a loop."""

    def step(self, loop: str, seconds: float, failures: int) -> None:
        """A step is over."""


def log_step_failure(what: str, error: Exception, **ids: str) -> None:
    """Note that one thing failed in a step that goes on with the others; the next step tries it again."""
    log.warning(f"{what} failed; tried again", error=repr(error), **ids)
    count_step_failure()


def count_step_failure() -> None:
    """Count a failure of a step, in the metrics, that the step tells in words of its own."""
    _failed.set(_failed.get() + 1)


@dataclass(frozen=True)
class Loop:
    """A step to repeat, `seconds` apart. A step that fails is logged and repeated: nothing ends the loop but `stop`."""

    name: str
    step: Callable[[], Any]
    seconds: float

    def run(self, stop: threading.Event, observer: LoopObserver) -> None:
        """Do a step every `seconds` until `stop` is set. An error ends a step, not the loop."""
        observer.loop(self.name)
        while not stop.wait(self.seconds):
            began = time.perf_counter()
            _failed.set(0)
            try:
                self.step()
            except Exception as error:
                log_step_failure("step", error, loop=self.name)
            observer.step(self.name, time.perf_counter() - began, _failed.get())


class RunningLoops:
    """Loops on their threads."""

    def __init__(self, loops: Iterable[Loop], observer: LoopObserver) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=loop.run, args=(self._stop, observer), name=loop.name, daemon=True)
            for loop in loops
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """A call that hangs isn't waited for longer: a loop may end anywhere, as it may when the process is killed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=seconds)
