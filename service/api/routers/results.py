"""`/v1/jobs/{job_id}/results`: what a finished run found, beside its prune list."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response

from service.api.deps import JobDep, SessionDep, SettingsDep
from service.api.openapi import problems
from service.core.errors import NotFoundError
from service.core.job_state import JobState
from service.jobs.attempts import directory_of
from service.store.tables import Job
from trainers.runs.results import Results

router = APIRouter(tags=["jobs"])


@router.get(
    "/v1/jobs/{job_id}/results",
    operation_id="getResults",
    summary="Read what a finished run measured",
    response_model=Results,
    responses=problems(404, 422),
)
def results(job: JobDep, session: SessionDep, settings: SettingsDep) -> Response:
    """The metrics of the full, the pruned and the fine-tuned model, the selection curve, and what each feature weighs.

    There once the job has succeeded, until its run directory is deleted.
    """
    session.commit()
    content = _content(directory_of(settings, job).metrics) if JobState(job.state) is JobState.SUCCEEDED else None
    if content is None:
        raise NotFoundError("no-results", _why_none(job))
    return Response(content, media_type="application/json")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _why_none(job: Job) -> str:
    state = JobState(job.state)
    if not state.ended:
        return f"job {job.id} is {state.value}; its results are there when it has succeeded"
    if state is not JobState.SUCCEEDED:
        return f"job {job.id} {state.value}, and only a job that succeeded has results; see its `reason`"
    if job.dry_run:
        return f"job {job.id} was a dry run, which measures nothing; what it found is in its progress"
    return f"the results of job {job.id} were deleted with its run directory; its prune list stays"
