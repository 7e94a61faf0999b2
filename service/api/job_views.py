"""Jobs as the API shows them, from their rows."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from service.core.job_state import JobState
from service.schemas.jobs import JobSummary, JobView
from service.store import job_queries
from service.store.tables import Job
from trainers.runs.progress import Progress

PARTS = ("events", "logs", "gates", "attempts", "spec", "prune-list")


def job_view(session: Session, job: Job) -> JobView:
    """A job with its place in the queue and its links."""
    path = f"/v1/jobs/{job.id}"
    links = {"self": path, **{part.replace("-", "_"): f"{path}/{part}" for part in PARTS}}
    place = job_queries.position(session, job)
    return JobView.model_validate(job).model_copy(update={"position": place, "links": links})


def job_summaries(session: Session, jobs: Iterable[Job]) -> list[JobSummary]:
    """Jobs at their places in the queue, which are counted once for all of them."""
    found = list(jobs)
    waiting = [job.id for job in found if job.state == JobState.QUEUED.value]
    places = job_queries.positions(session, waiting)
    return [job_summary(job, places.get(job.id)) for job in found]


def job_summary(job: Job, position: int | None) -> JobSummary:
    """A job at its place in the queue, without the gates of its progress."""
    view = JobSummary.model_validate(job)
    progress = view.progress
    if isinstance(progress, Progress):
        progress = progress.model_copy(update={"gates": None})
    return view.model_copy(update={"position": position, "progress": progress})
