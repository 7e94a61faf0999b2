"""Prune lists that jobs of a model made, and their life (`service.core.statuses.ListState`).

Every change is made under the model's lock (`models.get_locked`), so that two can't become active at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session, defer

from service.core.errors import ConflictError, ForbiddenError
from service.core.policies import Policy
from service.core.statuses import BY_LIST, LIST_MOVES, FeatureStatus, ListState
from service.store import events, features, models
from service.store.features import Why
from service.store.tables import Feature, FeatureDecision, Model, PublishedList
from trainers.runs.prune_list import FAILED, PASSED, PruneList

POLICY = "policy"  # who decided, where nobody was asked
LIGHT = defer(PublishedList.content, raiseload=True)  # may be megabytes


@dataclass(frozen=True, kw_only=True)
class Act:
    """Who does something to a list, and why. `trusted` callers may agree to what they submitted themselves."""

    by: str
    now: datetime
    reason: str | None = None
    trusted: bool = False


def revise(session: Session, base: PublishedList, content: PruneList, act: Act) -> PublishedList:
    """Publish `content`, which is `base` with other decisions. It is proposed, and nobody's policy approves it."""
    published = PublishedList(
        model=base.model,
        list_id=content.id,
        decisions_id=content.decisions_id,
        job_id=base.job_id,
        content=content.document(),
        state=ListState.PROPOSED.value,
        verdict=content.guard.verdict,
        submitted_by=act.by,
        proposed_at=act.now,
        revision_of=base.number,
    )
    session.add(published)
    session.flush()
    record_event(session, published, None, act)
    return published


def number_of_job(session: Session, job_id: str) -> int | None:
    """The number of the list that a job made; None where none was proposed. Revisions are other lists."""
    made = (PublishedList.job_id == job_id, PublishedList.revision_of.is_(None))
    return session.scalar(select(PublishedList.number).where(*made))


def approve(
    session: Session, model: Model, published: PublishedList, act: Act, *, override_guard: bool = False
) -> None:
    """Agree to a proposed list; it becomes active at once where the policy says so.

    Raises:
        ForbiddenError: under four eyes, for the one who submitted its job.
        ConflictError: its state or its guard doesn't allow it.
    """
    policy = Policy.model_validate(model.policy)
    _refuse_move(published, ListState.APPROVED)
    if policy.four_eyes and act.by == published.submitted_by and not act.trusted:
        raise ForbiddenError(
            "four-eyes", f"prune list {published.number} is of a job that {act.by!r} submitted; ask someone else"
        )
    if published.revision_of is not None and not override_guard:
        raise ConflictError(
            "not-fine-tuned",
            f"prune list {published.number}: its model is not fine-tuned yet; start a follow-up job, or give a reason "
            'and `"override_guard": true`',
        )
    if published.verdict == FAILED and not override_guard:
        raise ConflictError(
            "guard-failed",
            f"prune list {published.number}: its guard failed; to approve it all the same, give a reason and "
            '`"override_guard": true`',
        )
    published.decided_by, published.decided_at, published.reason = act.by, act.now, act.reason
    _move(session, published, ListState.APPROVED, act)
    if policy.auto_activate and published.verdict == PASSED:
        activate(session, model, published, Act(by=POLICY, now=act.now, reason="the list was approved"))


def reject(session: Session, published: PublishedList, act: Act) -> None:
    """Put a list away for good. Raises ConflictError."""
    _refuse_move(published, ListState.REJECTED)
    published.decided_by, published.decided_at, published.reason = act.by, act.now, act.reason
    published.ended_at = act.now
    _move(session, published, ListState.REJECTED, act)


def activate(session: Session, model: Model, published: PublishedList, act: Act) -> None:
    """Serve an approved list in place of the active one, and move the statuses of its features.

    Raises:
        ConflictError: it isn't approved.
    """
    _refuse_move(published, ListState.ACTIVE, since=ListState.APPROVED)
    present = active(session, model.name)
    if present is not None:
        present.ended_at = act.now
        _move(session, present, ListState.SUPERSEDED, act)
        published.previous = present.number
    _serve(session, published, act)
    found = PruneList.parse(published.content)
    decided = {entry.name: entry for entry in found.features}
    changes = [
        (feature, status_by_list(feature, decided[feature.name].decision))
        for feature in models.features(session, model.name)
        if feature.name in decided
    ]
    why = _why(published, "became active", act)
    scores = {name: entry.score for name, entry in decided.items()}
    features.move(session, model.name, changes, why, scores, found.pruned_copies())


def rollback(session: Session, model: Model, act: Act) -> PublishedList:
    """Take the active list back: the one before it is served again, and features have their former statuses, but for
    those that someone gave another one since.

    Returns:
        The list that was taken back.

    Raises:
        ConflictError: no list is active.
    """
    present = active(session, model.name)
    if present is None:
        raise ConflictError("no-active-list", f"model {model.name!r} has no active prune list to take back")
    present.ended_at = act.now
    _move(session, present, ListState.ROLLED_BACK, act)
    if present.previous is not None:
        previous = session.get_one(PublishedList, present.previous, options=[LIGHT])
        previous.ended_at = None
        _serve(session, previous, act)
    features.move(session, model.name, _former(session, present), _why(present, "was rolled back", act))
    return present


def _serve(session: Session, published: PublishedList, act: Act) -> None:
    published.activated_by, published.activated_at = act.by, act.now
    _move(session, published, ListState.ACTIVE, act)


def status_by_list(feature: Feature, decision: str) -> FeatureStatus:
    """What a list that becomes active makes of a feature that it decided on."""
    status = FeatureStatus(feature.status)
    return BY_LIST[decision].get(status, status)


def _former(session: Session, published: PublishedList) -> list[tuple[Feature, FeatureStatus]]:
    """Features that the list moved, and what they were. Who decided by hand since then isn't overruled."""
    mine = FeatureDecision.prune_list_number == published.number
    of_model = FeatureDecision.model == published.model
    rows = select(FeatureDecision.feature, FeatureDecision.number, FeatureDecision.before).where(of_model, mine)
    moved = {feature: (number, before) for feature, number, before in session.execute(rows)}
    by_hand = select(FeatureDecision.feature, func.max(FeatureDecision.number))
    by_hand = by_hand.where(of_model, FeatureDecision.prune_list_number.is_(None)).group_by(FeatureDecision.feature)
    newest = {feature: number for feature, number in session.execute(by_hand)}  # noqa: C416 (rows aren't pairs to mypy)
    return [
        (feature, FeatureStatus(str(moved[feature.name][1])))
        for feature in models.features(session, published.model)
        if feature.name in moved and newest[feature.name] < moved[feature.name][0]
    ]


def _why(published: PublishedList, happened: str, act: Act) -> Why:
    said = f": {act.reason}" if act.reason else ""
    return Why(
        reason=f"prune list {published.number} {happened}{said}",
        by=act.by,
        now=act.now,
        list_number=published.number,
        job_id=published.job_id,
    )


def _refuse_move(published: PublishedList, state: ListState, since: ListState | None = None) -> None:
    present = ListState(published.state)
    if state not in LIST_MOVES[present] or (since is not None and present is not since):
        raise ConflictError(
            "list-state", f"prune list {published.number} is {present.value}; it can't become {state.value}"
        )


def _move(session: Session, published: PublishedList, state: ListState, act: Act) -> None:
    """The one place where a list's state changes; records the event."""
    _refuse_move(published, state)
    before, published.state = published.state, state.value
    session.flush()  # in this order: a model has one active list at any time
    record_event(session, published, before, act)


def record_event(session: Session, published: PublishedList, before: str | None, act: Act) -> None:
    """That a list came to its state; `before` is null where it was made."""
    data = {
        "number": published.number,
        "list_id": published.list_id,
        "from": before,
        "verdict": published.verdict,
        "guard_passed": published.guard_passed,
        "by": act.by,
        "reason": act.reason,
    }
    kind = f"prune_list.{published.state}"
    events.record(session, kind, data, act.now, job_id=published.job_id, model=published.model)


def find(session: Session, model: str, number: int) -> PublishedList | None:
    """As it stands, whatever this session saw of it before."""
    query = select(PublishedList).where(PublishedList.model == model, PublishedList.number == number)
    return session.scalar(query.execution_options(populate_existing=True))


def active(session: Session, model: str) -> PublishedList | None:
    """Without its content."""
    query = select(PublishedList).where(PublishedList.model == model, PublishedList.state == ListState.ACTIVE.value)
    return session.scalar(query.options(LIGHT).execution_options(populate_existing=True))


def page(
    session: Session, model: str, states: Sequence[ListState], before: int | None, limit: int
) -> Sequence[PublishedList]:
    """Newest first, those numbered under `before`; without their contents."""
    query = select(PublishedList).where(PublishedList.model == model).order_by(PublishedList.number.desc())
    if states:
        query = query.where(PublishedList.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(PublishedList.number < before)
    return session.scalars(query.limit(limit).options(LIGHT)).all()


def get_active_id(session: Session, model: str) -> tuple[int, str] | None:
    """Number and id of the active list, by one cheap query: what serving polls for."""
    query = select(PublishedList.number, PublishedList.list_id)
    row = session.execute(query.where(PublishedList.model == model, PublishedList.state == ListState.ACTIVE.value))
    found = row.first()
    return None if found is None else (found[0], found[1])


def content(session: Session, number: int) -> dict[str, Any]:
    """A list as its job made it."""
    return dict(session.execute(select(PublishedList.content).where(PublishedList.number == number)).scalar_one())


def content_text(session: Session, number: int) -> str:
    """The content in JSON, as it is stored."""
    return session.execute(select(cast(PublishedList.content, Text)).where(PublishedList.number == number)).scalar_one()
