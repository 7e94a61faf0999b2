"""`/v1/overview`: how models stand, what runs, and what to look into."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.api.auth import Reader
from service.api.deps import NowDep, SessionDep
from service.api.job_views import job_summaries
from service.api.openapi import problems
from service.prune_lists.totals import Figures, FiguresCache
from service.schedules.scheduler import next_due
from service.schemas.common import StoredText
from service.schemas.overview import ActiveListView, AlertView, ModelStanding, NextStart, Overview, ProposedListView
from service.schemas.prune_lists import ListTotalsView
from service.store import job_queries, models, overview, triggers
from service.store.aggregates import ListFigures
from service.store.tables import Model, PublishedList, Schedule

router = APIRouter(tags=["models"])
RECENT = timedelta(days=7)
STALE = timedelta(days=30)  # as the alert WinnowPruneListStale has it


@router.get("/v1/overview", operation_id="getOverview", summary="How models stand", responses=problems(422))
def read(
    request: Request,
    session: SessionDep,
    caller: Reader,
    now: NowDep,
    cursor: Annotated[StoredText, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="models of a page")] = 100,
) -> Overview:
    """Models with their lists, candidates and next starts; unfinished jobs; alerts. A key for one model sees that
    model's.
    """
    figures: Figures = request.app.state.figures
    page = models.page(session, only=caller.model, owner=None, prefix="", after=cursor, limit=limit + 1)
    waiting, running = job_queries.counts(session, caller.model)
    found = overview.alerts(session, caller.model, now - RECENT, now - STALE)
    return Overview(
        models=_standing(session, figures.lists, page[:limit]),
        next=page[limit - 1].name if len(page) > limit else None,
        jobs=job_summaries(session, figures.jobs, overview.unfinished_jobs(session, caller.model)),
        running=running,
        waiting=waiting,
        alerts=[AlertView.model_validate(alert) for alert in found],
        since=now - RECENT,
    )


def _standing(session: SessionDep, figures: FiguresCache, page: list[Model]) -> list[ModelStanding]:
    names = [model.name for model in page]
    counts, candidates = models.feature_counts(session, names), triggers.candidates_of(session, names)
    active, proposed = overview.active_lists(session, names), overview.proposed_lists(session, names)
    thresholds, starts = overview.thresholds(session, names), _next(overview.schedules(session, names))
    sizes = figures.of(session, [each.number for each in active.values()])
    return [
        ModelStanding(
            name=model.name,
            owner=model.owner,
            description=model.description,
            features=counts[model.name],
            active=_active(active[model.name], sizes) if model.name in active else None,
            proposed=_proposed(*proposed[model.name]) if model.name in proposed else None,
            candidates=candidates[model.name],
            threshold=thresholds.get(model.name),
            schedule=starts.get(model.name),
        )
        for model in page
    ]


def _next(schedules: Iterable[Schedule]) -> dict[str, NextStart]:
    """By model, what is due first."""
    found: dict[str, NextStart] = {}
    for each in schedules:
        due = next_due(each)
        if due is not None and (each.model not in found or due < found[each.model].next_at):
            found[each.model] = NextStart(id=each.id, name=each.name, timezone=each.timezone, next_at=due)
    return found


def _active(found: PublishedList, sizes: dict[int, ListFigures]) -> ActiveListView:
    size = sizes[found.number]
    before, after = ListTotalsView.model_validate(size.before), ListTotalsView.model_validate(size.after)
    return ActiveListView(number=found.number, activated_at=found.activated_at, before=before, after=after)


def _proposed(found: PublishedList, waiting: int) -> ProposedListView:
    return ProposedListView(
        number=found.number,
        proposed_at=found.proposed_at,
        verdict=found.verdict,
        guard_passed=found.guard_passed,
        submitted_by=found.submitted_by,
        waiting=waiting,
    )
