"""Whether the list that a job made is proposed, and whether the model's policy decides on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.core.policies import Policy
from service.core.statuses import FeatureStatus, ListState
from service.store import events, models, prune_lists
from service.store.prune_lists import Act
from service.store.tables import FeatureDecision, Job, PublishedList
from trainers.runs.prune_list import PASSED, PruneList

PENDING = (ListState.PROPOSED, ListState.APPROVED)


def propose(session: Session, job: Job, now: datetime) -> PublishedList | None:
    """Publish the list of a model's job that succeeded, and do with it what the model's policy says.

    Called in the transaction in which the job succeeds. None for a job of no model, or without a list; and for a list
    that would change nothing, or that waits for a decision already: the job's reason and an event say so.
    """
    model = models.get_locked(session, job.model) if job.model is not None else None
    if model is None or job.prune_list is None:
        return None
    made = PruneList.parse(job.prune_list)
    same = _with_decisions(session, model.name, made.decisions_id)
    unproposed = _why_not_proposed(session, model.name, made, same)
    if unproposed is not None:
        job.reason = f"{job.reason}; {unproposed}" if job.reason else unproposed
        data = {"list_id": made.id, "verdict": made.guard.verdict, "by": job.submitted_by, "reason": unproposed}
        events.record(session, "prune_list.not_proposed", data, now, job_id=job.id, model=model.name)
        return None
    published = PublishedList(
        model=model.name,
        list_id=made.id,
        job_id=job.id,
        content=job.prune_list,
        state=ListState.PROPOSED.value,
        verdict=made.guard.verdict,
        decisions_id=made.decisions_id,
        submitted_by=job.submitted_by,
        proposed_at=now,
    )
    session.add(published)
    session.flush()
    prune_lists.record_event(session, published, None, Act(by=job.submitted_by, now=now))
    if Policy.model_validate(model.policy).auto_approve and _approves_itself(session, model.name, made, same):
        prune_lists.approve(
            session, model, published, Act(by=prune_lists.POLICY, now=now, reason="the guard passed", trusted=True)
        )
    return published


def _with_decisions(session: Session, model: str, decisions_id: str) -> Sequence[PublishedList]:
    """Lists of the model that decide the same, newest first, without their contents; revisions, which nobody has
    measured, are left out.
    """
    query = select(PublishedList).where(PublishedList.model == model, PublishedList.decisions_id == decisions_id)
    query = query.where(PublishedList.revision_of.is_(None))
    query = query.order_by(PublishedList.number.desc()).options(prune_lists.LIGHT)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _why_not_proposed(session: Session, model: str, made: PruneList, same: Sequence[PublishedList]) -> str | None:
    """None where there is something to decide on."""
    if not _changes_anything(session, model, made):
        return "no list is proposed: it would change nothing"
    for published in same:
        # A list that passed is worth a decision where the one that waits did not.
        known = published.verdict == made.guard.verdict or made.guard.verdict != PASSED
        if ListState(published.state) in PENDING and known:
            return f"no list is proposed: prune list {published.number} decides the same and is {published.state}"
    return None


def _changes_anything(session: Session, model: str, made: PruneList) -> bool:
    """Whether other features would be served, or a feature would be pruned or taken back."""
    decided = {entry.name: entry.decision for entry in made.features}
    for feature in models.features(session, model):
        if feature.name not in decided:
            continue
        status = prune_lists.status_by_list(feature, decided[feature.name])
        if status != feature.status and FeatureStatus.PRUNED in (status, feature.status):
            return True
    present = prune_lists.active(session, model)
    if present is None:
        return len(made.kept) < len(made.features)
    return set(PruneList.parse(prune_lists.content(session, present.number)).kept) != set(made.kept)


def _approves_itself(session: Session, model: str, made: PruneList, same: Sequence[PublishedList]) -> bool:
    """Whether the policy may decide: the guard passed, no other metric fell, no feature knows the label, and nobody
    took such a decision back.
    """
    if made.guard.verdict != PASSED or made.guard.banner is not None or made.leaks:
        return False
    decided = next((ListState(each.state) for each in same if ListState(each.state) not in PENDING), None)
    if decided in (ListState.ROLLED_BACK, ListState.REJECTED):
        return False
    pruned = {entry.name for entry in made.features if entry.decision == "prune"}
    return pruned.isdisjoint(_taken_back(session, model))


def _taken_back(session: Session, model: str) -> set[str]:
    """Features that a rollback brought back, and nothing has decided on since."""
    newest = select(func.max(FeatureDecision.number)).where(FeatureDecision.model == model)
    query = (
        select(FeatureDecision.feature)
        .join(PublishedList, PublishedList.number == FeatureDecision.prune_list_number)
        .where(FeatureDecision.number.in_(newest.group_by(FeatureDecision.feature)))
        .where(PublishedList.state == ListState.ROLLED_BACK.value)
        .where(FeatureDecision.before == FeatureStatus.PRUNED.value)
    )
    return set(session.scalars(query))
