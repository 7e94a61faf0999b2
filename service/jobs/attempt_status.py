"""What an attempt looks like from outside, and what follows from it. Nothing here changes anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from service.core.job_state import JobState
from service.jobs.attempts import CHECKED
from service.ray.client import Engine, Status
from service.schemas.jobs import CheckResult
from service.store.tables import Job
from trainers.runs.directory import RunDirectory, RunFileError, read_json
from trainers.runs.progress import Progress
from trainers.runs.prune_list import PruneList

log = structlog.get_logger()

WRONG = 2  # the exit code of `winnow check` for a spec or data that can't be run


@dataclass(frozen=True)
class Failure:
    """Why a run ended; `of_user` where another attempt would end the same."""

    reason: str
    of_user: bool


@dataclass(frozen=True)
class Observation:
    """What the engine and the run directory say. The default is what is observed where nothing was handed over."""

    status: Status = Status.UNKNOWN
    progress: Progress | None = None
    prune_list: PruneList | None = None
    checked: dict[str, Any] | None = None
    failure: Failure | None = None
    explanation: str | None = None


@dataclass(frozen=True)
class AttemptOutcome:
    """How an attempt ended. `state` is the job's: `queued` where another attempt may follow."""

    outcome: str
    state: JobState
    reason: str
    prune_list: PruneList | None = None
    progress: dict[str, Any] | None = None


def observe(directory: RunDirectory, submission: str, engine: Engine) -> Observation:
    """Ask the engine, then read the directory: an ended run's files are all there."""
    status = engine.status(submission)
    failure = read_failure(directory)
    prune_list = None
    try:
        prune_list = directory.read_prune_list()
    except RunFileError as error:  # another attempt would write the same
        failure = Failure(str(error), of_user=True)
    ended_badly = status is Status.ENDED and prune_list is None and failure is None
    return Observation(
        status=status,
        progress=_read_progress(directory),
        prune_list=prune_list,
        checked=_read_if_complete(directory.path / CHECKED) if status is Status.ENDED else None,
        failure=failure,
        explanation=engine.explain(submission) if ended_badly else None,
    )


def _read_progress(directory: RunDirectory) -> Progress | None:
    """None where there is none, or none that this version can read: a run ends all the same."""
    try:
        return directory.read_progress()
    except RunFileError as error:
        log.warning("progress can't be read", error=str(error))
        return None


def read_failure(directory: RunDirectory) -> Failure | None:
    """The newest reason that the newest attempt left. A line that a killed run left half written is passed over."""
    if not directory.events.exists():
        return None
    failure = None
    for line in directory.events.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["kind"] == "attempt":
            failure = None
        elif entry["kind"] == "failed":
            failure = Failure(str(entry["data"].get("reason")), entry["data"].get("fault") == "user")
    return failure


def _read_if_complete(path: Path) -> dict[str, Any] | None:
    """A file's content; None where a process that was killed left a part of it."""
    try:
        found: dict[str, Any] = read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    return found


def classify(job: Job, observed: Observation) -> AttemptOutcome | None:
    """Whether the newest attempt has ended, and how; None while it goes on.

    A run that left a prune list succeeded, whatever its exit code says of the guard, and whoever wanted it to end.
    """
    if observed.status is Status.RUNNING:
        return None
    if observed.prune_list is not None and JobState(job.state) is not JobState.QUEUED:
        return AttemptOutcome(
            "succeeded",
            JobState.SUCCEEDED,
            observed.prune_list.guard.reason,
            prune_list=observed.prune_list,
        )
    if job.dry_run and observed.checked is not None and observed.checked.get("exit_code") in {None, WRONG}:
        return _classify_check(observed.checked)
    return _classify_without_result(job, observed)


def _classify_without_result(job: Job, observed: Observation) -> AttemptOutcome:
    if job.cancel_requested:
        return AttemptOutcome("cancelled", JobState.CANCELLED, job.reason or "cancelled on request")
    if observed.failure is not None:
        state = JobState.FAILED if observed.failure.of_user else JobState.QUEUED
        return AttemptOutcome("failed", state, observed.failure.reason)
    if observed.status is Status.UNKNOWN:
        return AttemptOutcome("lost", JobState.QUEUED, "Ray doesn't know this run: Ray was restarted or replaced")
    said = f" ({observed.explanation})" if observed.explanation else ""
    return AttemptOutcome("failed", JobState.QUEUED, f"the run ended without a result{said}; its log may have more")


def _classify_check(found: dict[str, Any]) -> AttemptOutcome:
    if "error" in found:
        return AttemptOutcome("failed", JobState.FAILED, str(found["error"]))
    progress = CheckResult(check=found).model_dump()
    return AttemptOutcome("succeeded", JobState.SUCCEEDED, "the spec and its data fit together", progress=progress)
