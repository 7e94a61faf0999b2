"""Jobs as the API shows them, from their rows."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from service.core.job_state import JobState
from service.prune_lists.totals import FiguresCache
from service.schemas.jobs import JobOutcome, JobSummary, JobView
from service.store import job_queries, prune_lists
from service.store.aggregates import ListFigures
from service.store.tables import Job
from trainers.runs.progress import Progress

PARTS = ("events", "logs", "gates", "attempts", "spec", "prune-list")
FROM_ROW = tuple(JobSummary.model_fields.keys() - {"position", "outcome"})


def job_view(session: Session, job: Job, outcome: JobOutcome | None = None) -> JobView:
    """A job with its place in the queue, the number of its list and its links."""
    path = f"/v1/jobs/{job.id}"
    links = {"self": path, **{part.replace("-", "_"): f"{path}/{part}" for part in PARTS}}
    place, published = job_queries.position(session, job), None
    if job.model is not None and JobState(job.state) is JobState.SUCCEEDED:
        published = prune_lists.number_of_job(session, job.id)
    if published is not None:
        links["published_list"] = f"/v1/models/{job.model}/prune-lists/{published}"
    # The list itself is an attribute of the same name.
    shown = JobView.model_validate({name: getattr(job, name) for name in FROM_ROW})
    return shown.model_copy(update={"position": place, "prune_list": published, "outcome": outcome, "links": links})


def job_outcome(figures: ListFigures) -> JobOutcome:
    return JobOutcome(features=figures.before.features, kept=figures.after.features, changes=figures.changes)


def job_summaries(session: Session, figures: FiguresCache, jobs: Iterable[Job]) -> list[JobSummary]:
    """Jobs at their places in the queue, which are counted once for all of them."""
    found = list(jobs)
    ended = figures.of(session, [job.number for job in found if job.state == JobState.SUCCEEDED.value])
    waiting = [job.id for job in found if job.state == JobState.QUEUED.value]
    places = job_queries.positions(session, waiting)
    return [job_summary(job, places.get(job.id), ended.get(job.number)) for job in found]


def job_summary(job: Job, position: int | None, figures: ListFigures | None = None) -> JobSummary:
    """A job at its place in the queue, or with what came of it; without the gates of its progress."""
    view = JobSummary.model_validate(job)
    progress = view.progress
    if isinstance(progress, Progress):
        progress = progress.model_copy(update={"gates": None})
    outcome = figures and job_outcome(figures)
    return view.model_copy(update={"position": position, "progress": progress, "outcome": outcome})
