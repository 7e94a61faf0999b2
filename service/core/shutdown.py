"""Learning that the process is asked to end before the server acts on it.

A server that is asked to end waits for its requests first and tells the application then: a stream of events would
hold it for ever.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_shutdown(callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` at SIGINT or SIGTERM, and then the handler that the signal had before.

    Signals belong to the main thread: on another one `callback` is never called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, _both(callback, handler))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _both(
    first: Callable[[], object], then: Callable[[int, FrameType | None], Any]
) -> Callable[[int, FrameType | None], Any]:
    def handle(number: int, frame: FrameType | None) -> Any:
        first()
        return then(number, frame)

    return handle
