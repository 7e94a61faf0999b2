"""The loop that delivers: queue what events ask for, send what is due, note what came of it.

A delivery is leased before it is sent and noted where the lease still stands, so that of two replicas one sends it.
Where a replica dies in between, another sends it again: at least once each, under one id.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpcore
import httpx
import structlog
from sqlalchemy.orm import Session, sessionmaker

from service.core.clock import Clock
from service.core.fault_points import fault_point
from service.settings import Settings
from service.store import webhooks
from service.store.webhooks import Outcome, Outgoing
from service.webhooks import signing
from service.webhooks.targets import CheckedNetwork, Resolver, TargetRefusedError, resolve

log = structlog.get_logger()

TIMEOUT_SECONDS = 10.0
LEASE = timedelta(seconds=60)  # of a try, which has its time-out and then waits for the store
LONGEST_ANSWER = 500
STORE_THREADS = 4  # of a replica; more would only wait for one another
LOOK_SECONDS = 1.0


@dataclass
class Deliverer:
    """One replica's.

    Args:
        tls: trusts the usual authorities unless given.
        timeout_seconds: for a whole try, from resolving to the answer's beginning.
    """

    sessions: sessionmaker[Session]
    settings: Settings
    now: Clock
    resolver: Resolver = resolve
    tls: ssl.SSLContext | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    _random: random.Random = field(default_factory=random.SystemRandom)

    def step(self) -> int:
        """Until nothing is due or under way; how many tries were made."""
        return asyncio.run(self._round())

    async def _round(self) -> int:
        loop, most = asyncio.get_running_loop(), self.settings.webhook_parallel
        # Names are resolved on the loop's own threads, one for each try. The store has others: a try that waited for
        # a thread while the store is busy would count against the receiver.
        loop.set_default_executor(ThreadPoolExecutor(most, "webhook-names"))
        network = CheckedNetwork(allow_private=self.settings.webhook_allow_private, resolver=self.resolver)
        connections = httpcore.AsyncConnectionPool(ssl_context=self.tls, network_backend=network, max_connections=most)
        with ThreadPoolExecutor(STORE_THREADS, "webhook-store") as store:
            async with connections as pool:
                return await self._send_due(pool, store)

    async def _send_due(self, pool: httpcore.AsyncConnectionPool, store: Executor) -> int:
        loop, tries, under_way = asyncio.get_running_loop(), 0, dict[asyncio.Task[None], str]()
        while True:
            for outgoing in await loop.run_in_executor(store, self._due, list(under_way.values())):
                under_way[asyncio.create_task(self._deliver(pool, store, outgoing))] = outgoing.webhook_id
                tries += 1
            if not under_way:
                return tries
            done, _ = await asyncio.wait(under_way, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del under_way[task]
                task.result()

    def _due(self, busy: list[str]) -> list[Outgoing]:
        with self.sessions.begin() as session:
            queued = webhooks.queue(session, self.now())
            if queued:
                fault_point("queue.written")
        if queued:
            fault_point("queue.committed")
        free = self.settings.webhook_parallel - len(busy)
        share = max(1, self.settings.webhook_parallel // 2)
        with self.sessions.begin() as session:
            taken = webhooks.take(session, self.owner, self.now(), LEASE, free, share, busy)
            if taken:
                fault_point("lease.written")
        if taken:
            fault_point("lease.committed")
        return taken

    async def _deliver(self, pool: httpcore.AsyncConnectionPool, store: Executor, outgoing: Outgoing) -> None:
        outcome = await self._try(pool, outgoing)
        fault_point("send.answered")
        # A receiver's answer may hold anything; why there was none is ours to say.
        reason = {"reason": outcome.answer} if outcome.status is None else {}
        about = {"delivery": outgoing.id, "webhook": outgoing.webhook_id}
        log.info("delivery", **about, status=outcome.status, good=outcome.good, **reason)
        await asyncio.get_running_loop().run_in_executor(store, self._note, outgoing, outcome)

    def _note(self, outgoing: Outgoing, outcome: Outcome) -> None:
        jitter, patience = self._random.uniform(0.5, 1.0), timedelta(days=self.settings.webhook_disable_days)
        with self.sessions.begin() as session:
            webhooks.finish(session, outgoing, self.owner, outcome, self.now(), jitter=jitter, patience=patience)
            fault_point("note.written")
        fault_point("note.committed")

    async def _try(self, pool: httpcore.AsyncConnectionPool, outgoing: Outgoing) -> Outcome:
        """Whatever a receiver does is an outcome. Redirects are not followed: they are no success."""
        if outgoing.event is None:
            return Outcome(None, "the event is no longer kept")
        body = signing.content(outgoing.event)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await _post(pool, outgoing, body, self.now())
        except TargetRefusedError as error:
            return Outcome(None, str(error))
        except TimeoutError:
            return Outcome(None, f"no answer within {self.timeout_seconds:g} s")
        except Exception as error:
            return Outcome(None, _text(f"{type(error).__name__}: {error}"))


async def _post(pool: httpcore.AsyncConnectionPool, outgoing: Outgoing, body: str, at: datetime) -> Outcome:
    url = httpx.URL(outgoing.url)
    where = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = list(signing.headers(outgoing.id, body, at, outgoing.secrets).items())
    async with pool.stream("POST", where, headers=headers, content=body.encode()) as response:
        said = b""
        async for part in response.aiter_stream():
            said += part
            if len(said) >= LONGEST_ANSWER:
                break
    return Outcome(response.status, _text(said.decode("utf-8", "replace")))


def _text(said: str) -> str:
    """As any store takes it."""
    return said.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST_ANSWER]
