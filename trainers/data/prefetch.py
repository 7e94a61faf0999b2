"""Running an iterator ahead of its consumer, on a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


def prefetch(iterator: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The iterator's items, up to `depth` of them made ahead of the consumer on a daemon thread.

    The thread starts with the first item asked for. Closing the generator, or dropping it, ends the thread before
    the call returns and closes `iterator` where it can be closed; an error in `iterator` is raised to the consumer.

    Raises:
        ValueError: `depth` is under 1.
    """
    if depth < 1:
        raise ValueError(f"prefetch depth is {depth}; keep at least 1 item ahead")
    return _consume(iterator, depth)


def _consume(iterator: Iterator[T], depth: int) -> Generator[T, None, None]:
    ahead: queue.Queue[_Item[T] | _End] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(iterator, ahead, stop), name="prefetch", daemon=True)
    thread.start()
    try:
        while isinstance(found := ahead.get(), _Item):
            yield found.value
        if found.error is not None:
            raise found.error
    finally:
        stop.set()
        _drain(ahead, thread)


def _produce(iterator: Iterator[T], ahead: queue.Queue[_Item[T] | _End], stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        _fill(iterator, ahead, stop)
    except BaseException as raised:  # whatever it is, it belongs to the consumer
        error = raised
    ahead.put(_End(error))


def _fill(iterator: Iterator[T], ahead: queue.Queue[_Item[T] | _End], stop: threading.Event) -> None:
    try:
        for value in iterator:
            ahead.put(_Item(value))
            if stop.is_set():
                break
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _drain(ahead: queue.Queue[_Item[T] | _End], thread: threading.Thread) -> None:
    """Make room until the producer, which may wait for it, has seen that it is to stop."""
    while thread.is_alive():
        try:
            ahead.get(timeout=0.01)
        except queue.Empty:
            continue
    thread.join()
