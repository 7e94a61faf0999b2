"""What the service does beside answering requests: steps repeated, each on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger()


@dataclass(frozen=True)
class Loop:
    """A step to repeat, `seconds` apart. A step that fails is logged and repeated: nothing ends the loop but `stop`."""

    name: str
    step: Callable[[], Any]
    seconds: float

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(self.seconds):
            try:
                self.step()
            except Exception as error:
                log.warning("no step; tried again", loop=self.name, error=repr(error))


class Running:
    """Loops on their threads."""

    def __init__(self, loops: Iterable[Loop]) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True) for loop in loops
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """A call that hangs isn't waited for longer: a loop may end anywhere, as it may when the process is killed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=seconds)
