"""Deliveries in processes of their own, killed or stopped at their fault points, to a receiver in the parent's."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from service.core import fault_points
from service.settings import Settings
from service.store import events, models, webhooks
from service.store.database import connect, open_database
from service.store.tables import Delivery, Event, Webhook
from service.webhooks import signing
from service.webhooks.delivery import Deliverer
from tests.support.fault_loop import PROCESSES
from tests.support.receivers import receiving

PARALLEL = 4  # tries that a child has under way


def deliver(settings: Settings, ahead: float, fault: str) -> None:
    """A child: until nothing is due, at a clock that is `ahead` of this machine's, by seconds."""
    if fault:
        os.environ[fault_points.VARIABLE] = fault
    sessions = sessionmaker(open_database(settings.database), expire_on_commit=False)
    events.install(sessions)
    Deliverer(sessions, settings, lambda: datetime.now(UTC) + timedelta(seconds=ahead)).step()


@dataclass
class Deliveries:
    """A store with two webhooks and ever more events, their receiver, and children that deliver."""

    settings: Settings
    ahead: float = 0.0
    points: ClassVar[tuple[str, ...]] = fault_points.DELIVERY_POINTS
    _children: list[tuple[multiprocessing.process.BaseProcess, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        allowed = {"webhook_allow_private": True, "webhook_allow_http": True, "webhook_parallel": PARALLEL}
        self.settings = self.settings.model_copy(update={**allowed, "webhook_disable_days": 365.0})
        self.sessions: sessionmaker[Session] = connect(self.settings.database)
        self._open = ExitStack()
        self.receiver = self._open.enter_context(receiving())
        empty: dict[str, Any] = {"owner": "t", "description": "", "spec": {}, "policy": {}, "retention": {}}
        with self.sessions.begin() as session:
            models.create(session, "ranker", empty, self.now)
            for model in ("ranker", None):
                columns = {"url": self.receiver.url(path=f"/{model}"), "kinds": [], "secret": signing.new_secret()}
                webhooks.create(session, self.now, model=model, created_by="t", **columns)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def add_more(self) -> None:
        with self.sessions.begin() as session:
            for number in range(3):
                model = "ranker" if number else None
                events.record(session, "job.state", {"n": number}, self.now, model=model)

    def add_all(self) -> None:
        """Deliveries for one after the other: on SQLite, whoever is stopped in a transaction keeps all others out."""
        self.settings = self.settings.model_copy(update={"webhook_parallel": 1})
        self.add_more()

    @property
    def work(self) -> str:
        return f"{len(self.content())} deliveries sent {len(self.receiver.got)} times"

    def meddle(self, *, early: bool) -> None:
        """Let the receiver fail at a few of the next tries."""
        with self.receiver.lock:
            self.receiver.statuses = [503, 200, 500, 200] if early else [200]

    def child(self, fault: str = "") -> multiprocessing.process.BaseProcess:
        child = PROCESSES.Process(target=deliver, args=(self.settings, self.ahead, fault))
        child.start()
        started = cast(multiprocessing.process.BaseProcess, child)
        self._children.append((started, fault))
        return started

    def play_out(self) -> None:
        """Let children that nobody kills bring all to an end."""
        self.meddle(early=False)
        for _ in range(20):
            self.ahead += 24 * 3600  # the longest pause between tries
            child = self.child()
            child.join(timeout=120)
            assert child.exitcode == 0
            with self.sessions() as session:
                if session.scalar(select(Delivery.id).where(Delivery.state == "pending").limit(1)) is None:
                    return

    def faults_found(self) -> dict[str, list[str]]:
        """What went wrong: events not delivered, with a second entry in the log, sent under a second id, with more
        tries in the log than were made, or tries that are not in the log though no death explains it.
        """
        sent: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        for got in self.receiver.got:
            sent[got.path, json.loads(got.body)["number"]][got.headers["webhook-id"]] += 1
        found: dict[str, list[str]] = {"lost": [], "doubled": [], "renamed": [], "invented": [], "unlogged": []}
        unlogged = 0
        with self.sessions() as session:
            logged = defaultdict(list)
            for url, entry in session.execute(
                select(Webhook.url, Delivery).join(Webhook, Webhook.id == Delivery.webhook_id)
            ):
                logged[urlsplit(url).path, entry.event_number].append(entry)
            due = {("/None", event.number) for event in session.scalars(select(Event))}
            due |= {
                ("/ranker", event.number) for event in session.scalars(select(Event).where(Event.model == "ranker"))
            }
        for key in sorted(due | set(logged) | set(sent)):
            ids, entries = sent[key], logged[key]
            if key not in due or not ids or [entry.state for entry in entries[:1]] != ["delivered"]:
                found["lost"].append(str(key))
                continue
            found["doubled"] += [str(key)] * (len(entries) - 1)
            found["renamed"] += [str(key)] * (set(ids) != {entries[0].id})
            found["invented"] += [str(key)] * (entries[0].tries > ids.total())
            unlogged += ids.total() - entries[0].tries
        if unlogged > PARALLEL * self._deaths:
            found["unlogged"].append(f"{unlogged} tries, {self._deaths} deaths")
        return found

    @property
    def _deaths(self) -> int:
        """Children that may have left tries out of the log: the killed, and the stopped, whose leases ran out."""
        return sum(child.exitcode != 0 or fault.startswith("stop") for child, fault in self._children)

    def content(self) -> list[tuple[object, ...]]:
        """The log, but who holds its entries' leases."""
        kept = [column for column in Delivery.__table__.columns if not column.name.startswith("lease")]
        with self.sessions() as session:
            return [tuple(row) for row in session.execute(select(*kept).order_by(Delivery.number))]

    def close(self) -> None:
        self._open.close()
        self.sessions.kw["bind"].dispose()
