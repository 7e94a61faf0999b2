"""Events as they happen: one reader of the store for all the streams of a process.

While anyone listens, one reader asks the store a few times a second for events beyond the newest it has, and keeps the
last ones, ready to be sent. A stream remembers the number it has got to and takes what lies beyond from there; one
that falls behind what is kept, or begins in the past, reads the store itself. So a slow client holds nobody up, and a
stream that waits holds no connection to the database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from sqlalchemy.orm import Session, sessionmaker

from service.core.clock import Clock
from service.core.identity import LOCAL, Caller
from service.core.job_state import ENDED
from service.schemas.events import EventView
from service.store import browser_sessions, events, job_queries, keys
from service.store.tables import Event

log = structlog.get_logger()

KEPT = 2000
PAGE = 500
ENDED_STATES = frozenset(state.value for state in ENDED)
# The first bytes of a stream: how long a client waits before it connects anew.
GREETING = format_sse_event(retry=2000)


@dataclass(frozen=True)
class SentEvent:
    """An event as it is sent, and what decides who gets it."""

    number: int
    kind: str
    job_id: str | None
    model: str | None
    ends_job: bool
    content: bytes

    @classmethod
    def of(cls, event: Event) -> SentEvent:
        """An event in the form in which all its listeners are sent it."""
        data = EventView.model_validate(event).model_dump_json()
        ends_job = event.kind == "job.state" and event.data.get("to") in ENDED_STATES
        content = format_sse_event(data_str=data, event=event.kind, id=str(event.number))
        return cls(event.number, event.kind, event.job_id, event.model, ends_job, content)


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Which events a stream has. None and empty mean any; `kinds` are names, or prefixes that end in `.*`."""

    job_id: str | None = None
    model: str | None = None
    kinds: Collection[str] = ()

    def matches(self, event: SentEvent) -> bool:
        """Whether a listener with this filter is sent the event."""
        return (
            (self.job_id is None or event.job_id == self.job_id)
            and (self.model is None or event.model == self.model)
            and (not self.kinds or any(_is_kind(event.kind, kind) for kind in self.kinds))
        )


def _is_kind(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith(".*") else kind == wanted


@dataclass(eq=False)
class Listener:
    """One stream's owner; `refused` once its key is no longer good."""

    caller: Caller
    refused: bool = False


@dataclass
class EventStreams:
    """The streams of one process. All of it but the reading of the store happens on the event loop.

    Of the events it has read it keeps those numbered over `floor` up to `newest`; both are 0 until the first look.
    """

    sessions: sessionmaker[Session]
    now: Clock
    poll_seconds: float = 0.25
    keepalive_seconds: float = 15.0
    recheck_seconds: float = 30.0
    closed: bool = False
    floor: int = 0
    newest: int = 0
    kept: deque[SentEvent] = field(default_factory=deque)
    listeners: set[Listener] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.Task[None] | None = None

    async def stream(self, caller: Caller, wanted: EventFilter, after: int) -> AsyncIterator[bytes]:
        """Events beyond number `after`, as server-sent events.

        A stream of one job ends when the job has ended and all is sent; any stream ends when its caller's key is no
        longer good, and when the streams are closed.
        """
        yield GREETING
        with self._listener(caller) as listener:
            place, behind = after, True
            while not self.closed and not listener.refused:
                news = self._news
                if behind:
                    contents, place, behind, over = await asyncio.to_thread(self._read_page, wanted, place)
                    if contents:
                        yield contents
                    if over:
                        return
                    continue
                fresh = self._kept_after(place)
                if place < self.floor or any(event.ends_job for event in fresh if event.job_id == wanted.job_id):
                    behind = True
                elif fresh:
                    place = fresh[-1].number
                    if contents := b"".join(event.content for event in fresh if wanted.matches(event)):
                        yield contents
                else:
                    try:
                        async with asyncio.timeout(self.keepalive_seconds):
                            await news.wait()
                    except TimeoutError:
                        yield KEEPALIVE_COMMENT

    def close(self) -> None:
        """End every stream, and take no more."""
        self.closed = True
        self._wake_listeners()

    @contextmanager
    def _listener(self, caller: Caller) -> Iterator[Listener]:
        """The first listener starts the reader, and the last one ends it."""
        listener = Listener(caller)
        self.listeners.add(listener)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_on(), name="event-streams")
        try:
            yield listener
        finally:
            self.listeners.discard(listener)
            if not self.listeners and self._reader is not None:
                self._reader.cancel()
                self._reader, self.floor, self.newest, self._news = None, 0, 0, asyncio.Event()
                self.kept.clear()

    def _kept_after(self, place: int) -> list[SentEvent]:
        fresh: list[SentEvent] = []
        for event in reversed(self.kept):
            if event.number <= place:
                break
            fresh.append(event)
        return fresh[::-1]

    def _wake_listeners(self) -> None:
        previous, self._news = self._news, asyncio.Event()
        previous.set()

    async def _read_on(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            try:
                found = await asyncio.to_thread(self._read_new)
                self._keep(found)
                if loop.time() - checked >= self.recheck_seconds:
                    checked = loop.time()
                    await self._recheck()
            except Exception as error:
                log.warning("events can't be read; tried again", error=repr(error))
                found = []
            if len(found) < PAGE:
                await asyncio.sleep(self.poll_seconds)

    def _keep(self, found: list[SentEvent]) -> None:
        if not found:
            return
        if self.newest == 0:
            self.floor = found[-1].number
        else:
            self.kept.extend(found)
        self.newest = found[-1].number
        while len(self.kept) > KEPT:
            self.floor = self.kept.popleft().number
        self._wake_listeners()

    def _read_new(self) -> list[SentEvent]:
        """Beyond the newest; at first the newest alone."""
        with self.sessions() as session:
            after = self.newest or events.newest(session) - 1
            return [SentEvent.of(event) for event in events.after(session, after, PAGE)]

    def _read_page(self, wanted: EventFilter, place: int) -> tuple[bytes, int, bool, bool]:
        """A page from the store, the number it goes up to, whether there are more, and whether the job is over.

        The state of the job and the newest number are read before the events: what either tells of is then there.
        """
        with self.sessions() as session:
            over = wanted.job_id is not None and job_queries.has_ended(session, wanted.job_id)
            newest = events.newest(session)
            found = events.after(session, place, PAGE, job_id=wanted.job_id, model=wanted.model, kinds=wanted.kinds)
            contents = b"".join(SentEvent.of(event).content for event in found)
        if len(found) == PAGE:
            return contents, found[-1].number, True, False
        return contents, max(newest, *(event.number for event in found), 0), False, over

    async def _recheck(self) -> None:
        listeners = list(self.listeners)
        good = await asyncio.to_thread(self._still_allowed, {listener.caller for listener in listeners})
        for listener in listeners:
            listener.refused = listener.caller not in good
        if any(listener.refused for listener in listeners):
            self._wake_listeners()

    def _still_allowed(self, callers: Collection[Caller]) -> set[Caller]:
        """Of these callers those who may still listen; who came in without a key may while there are none."""
        with self.sessions() as session:
            good_keys = keys.usable_ids(session, {caller.id for caller in callers}, self.now())
            tokens = {caller.session for caller in callers if caller.session is not None}
            signed_in = browser_sessions.live(session, tokens, self.now())
            if not keys.any_exist(session):
                good_keys.add(LOCAL.id)
        return {c for c in callers if (c.id in good_keys if c.session is None else c.session in signed_in)}
