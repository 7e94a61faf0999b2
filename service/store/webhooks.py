"""Webhooks, and the deliveries that are due to them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from service.store import events
from service.store.tables import Delivery, Event, Webhook

PING = "webhook.ping"  # goes to the webhook that it names alone, whatever its kinds
PAGE = 500
TRIES = 10
FIRST_DELAY, LAST_DELAY = timedelta(seconds=5), timedelta(hours=24)
GONE = 410


@dataclass(frozen=True)
class Outgoing:
    """A delivery that is this owner's to make; `event` is None where it is no longer kept."""

    id: str
    webhook_id: str
    url: str
    secrets: tuple[str, ...]
    event: Event | None


@dataclass(frozen=True)
class Outcome:
    """What came of a try: the receiver's status and how its answer begins, or why there was none."""

    status: int | None
    answer: str

    @property
    def good(self) -> bool:
        """Whether the target took it: a status of 2xx."""
        return self.status is not None and 200 <= self.status < 300


def create(session: Session, now: datetime, **columns: Any) -> Webhook:
    """A webhook for events from here on."""
    made = Webhook(
        id=f"webhook-{uuid.uuid4().hex[:20]}",
        queued_until=events.newest(session),
        created_at=now,
        updated_at=now,
        **columns,
    )
    session.add(made)
    session.flush()
    return made


def find(session: Session, id_: str, *, lock: bool = False) -> Webhook | None:
    query = select(Webhook).where(Webhook.id == id_)
    return session.scalar(query.with_for_update() if lock else query)


def page(session: Session, only: Sequence[ColumnElement[bool]], after: int | None, limit: int) -> Sequence[Webhook]:
    """Newest first, those older than number `after` that fit every condition."""
    query = select(Webhook).where(*only).order_by(Webhook.number.desc()).limit(limit)
    if after is not None:
        query = query.where(Webhook.number < after)
    return session.scalars(query).all()


def find_delivery(session: Session, webhook_id: str, id_: str) -> Delivery | None:
    """A delivery of a webhook, locked until the transaction ends."""
    query = select(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.id == id_)
    return session.scalar(query.with_for_update())


def deliveries(
    session: Session, webhook_id: str, state: str | None, after: int | None, limit: int
) -> Sequence[tuple[Delivery, str | None]]:
    """Newest first, with their events' kinds; None where the event is no longer kept."""
    query = (
        select(Delivery, Event.kind)
        .outerjoin(Event, Event.number == Delivery.event_number)
        .where(Delivery.webhook_id == webhook_id)
        .order_by(Delivery.number.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    if after is not None:
        query = query.where(Delivery.number < after)
    return [(delivery, kind) for delivery, kind in session.execute(query)]


def kind_of(session: Session, delivery: Delivery) -> str | None:
    """The kind of the event that is delivered; None where retention has deleted it."""
    return session.scalar(select(Event.kind).where(Event.number == delivery.event_number))


def queue(session: Session, now: datetime) -> int:
    """Make deliveries of the events since the last call, a page for each webhook; how many."""
    newest, made = events.newest(session), 0
    behind = select(Webhook).where(Webhook.enabled, Webhook.queued_until < newest).order_by(Webhook.number)
    for webhook in session.scalars(behind.with_for_update(skip_locked=True)).all():
        kinds = [*webhook.kinds, PING] if webhook.kinds else []
        found = events.after(session, webhook.queued_until, PAGE, model=webhook.model, kinds=kinds)
        wanted = [event for event in found if event.kind != PING or event.data.get("webhook") == webhook.id]
        session.add_all(_due(webhook, event, now) for event in wanted)
        last = found[-1].number if found else newest
        webhook.queued_until = last if len(found) == PAGE else max(last, newest)
        made += len(wanted)
    session.flush()
    return made


def _due(webhook: Webhook, event: Event, now: datetime) -> Delivery:
    return Delivery(
        id=f"msg_{uuid.uuid4().hex}",
        webhook_id=webhook.id,
        event_number=event.number,
        state="pending",
        next_at=now,
        created_at=now,
        updated_at=now,
    )


def take(
    session: Session, owner: str, now: datetime, lease: timedelta, free: int, share: int, busy: Collection[str]
) -> list[Outgoing]:
    """Lease up to `free` due deliveries.

    Args:
        share: the most for one webhook, counted with `busy`: a receiver that hangs is not to hold all the others up.
        busy: the webhook's id of each delivery that is under way already.
    """
    taken: list[Outgoing] = []
    waiting = session.scalars(select(Delivery.webhook_id).where(*_is_due(now)).distinct()).all()
    for webhook_id in waiting:
        room = min(free - len(taken), share - sum(each == webhook_id for each in busy))
        if room > 0:
            taken += _take_of(session, webhook_id, owner, now, lease, room)
    return taken


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now)
    return Delivery.state == "pending", Delivery.next_at <= now, free


def _take_of(
    session: Session, webhook_id: str, owner: str, now: datetime, lease: timedelta, limit: int
) -> list[Outgoing]:
    query = (
        select(Delivery, Webhook, Event)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .outerjoin(Event, Event.number == Delivery.event_number)
        .where(Delivery.webhook_id == webhook_id, *_is_due(now))
        .order_by(Delivery.next_at, Delivery.number)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    taken = []
    for delivery, webhook, event in session.execute(query).all():
        delivery.lease_owner, delivery.lease_until = owner, now + lease
        old = (webhook.old_secret,) if webhook.old_secret and webhook.old_until and webhook.old_until > now else ()
        taken.append(Outgoing(delivery.id, webhook.id, webhook.url, (webhook.secret, *old), event))
    return taken


def finish(
    session: Session,
    outgoing: Outgoing,
    owner: str,
    outcome: Outcome,
    now: datetime,
    *,
    jitter: float,
    patience: timedelta,
) -> None:
    """Note what came of a try, where the lease still stands.

    Args:
        jitter: from 0 to 1, how much of the pause before the next try is kept.
        patience: how long a webhook may only fail before it is disabled.
    """
    # Locked in this order wherever both are: the webhook, then its deliveries.
    webhook = find(session, outgoing.webhook_id, lock=True)
    mine = (Delivery.id == outgoing.id, Delivery.lease_owner == owner, Delivery.lease_until > now)
    delivery = session.scalar(select(Delivery).where(*mine, Delivery.state == "pending").with_for_update())
    if webhook is None or delivery is None:
        return
    delivery.tries += 1
    delivery.status, delivery.answer, delivery.updated_at = outcome.status, outcome.answer, now
    delivery.lease_owner = delivery.lease_until = None
    if outcome.good:
        delivery.state, delivery.next_at = "delivered", None
        return
    if outgoing.event is None or delivery.tries >= TRIES:
        delivery.state, delivery.next_at = "failed", None
    else:
        delivery.next_at = now + pause(delivery.tries) * jitter
    session.flush()
    reason = _reason_to_disable(session, webhook, outcome, now, patience)
    if reason is not None and webhook.enabled:
        delivery.state, delivery.next_at = "failed", None
        disable(session, webhook, now)
        data = {"webhook": webhook.id, "reason": reason}
        events.record(session, "webhook.disabled", data, now, model=webhook.model)


def pause(tries: int) -> timedelta:
    """Before the next try, after so many: from 5 seconds, ever longer by the same factor, to a day before the last."""
    growth: float = (LAST_DELAY / FIRST_DELAY) ** (1 / (TRIES - 2))
    return FIRST_DELAY * float(growth ** (tries - 1))


def _reason_to_disable(
    session: Session, webhook: Webhook, outcome: Outcome, now: datetime, patience: timedelta
) -> str | None:
    if outcome.status == GONE:
        return "the receiver answered 410 Gone"
    of_it = Delivery.webhook_id == webhook.id
    last_good = session.scalar(select(func.max(Delivery.updated_at)).where(of_it, Delivery.state == "delivered"))
    since = max(webhook.updated_at, last_good or webhook.updated_at)
    failing = (Delivery.state != "delivered", Delivery.tries > 0, Delivery.created_at >= since)
    first = session.scalar(select(func.min(Delivery.created_at)).where(of_it, *failing))
    if first is None or now - first < patience:
        return None
    return f"every delivery since {first.isoformat()} failed"


def disable(session: Session, webhook: Webhook, now: datetime) -> None:
    """Send nothing more; what waits has failed, and can be delivered again one by one."""
    webhook.enabled, webhook.updated_at = False, now
    webhook.version += 1
    waiting = update(Delivery).where(Delivery.webhook_id == webhook.id, Delivery.state == "pending")
    ended = {"state": "failed", "next_at": None, "answer": "the webhook was disabled", "updated_at": now}
    session.execute(waiting.values(**ended))


def enable(session: Session, webhook: Webhook) -> None:
    """For events from here on."""
    webhook.enabled, webhook.queued_until = True, events.newest(session)


def redeliver(delivery: Delivery, now: datetime) -> None:
    """As if it had not been tried yet, under the same id."""
    delivery.state, delivery.tries, delivery.next_at, delivery.updated_at = "pending", 0, now, now
