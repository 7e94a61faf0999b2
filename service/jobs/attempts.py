"""An attempt on disk: its run directory, and the file that tells its run where to report.

    runs/JOB/attempt-2/         the run directory of the newest attempt
    runs/JOB/attempt-2.json     its token, and where to report; for the run's user alone

An attempt takes its predecessor's directory over by renaming it, with the checkpoints that it goes on from. What still
runs of the predecessor then finds none of the files it knows: it can neither start late nor write into what its
successor uses.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from service.ray.client import Work
from service.settings import Settings
from service.store.tables import Job
from trainers.runs.directory import RunDirectory, read_json, write_json

SUBMITTED = "submitted.json"
CHECKED = "check.json"


def submission_id(job: Job) -> str:
    """The newest attempt's id in Ray, which takes an id once."""
    return f"{job.id}-{job.attempt}"


def directory_of(settings: Settings, job: Job) -> RunDirectory:
    """Of the newest attempt, where one was made. It takes over what the attempt before it left."""
    return RunDirectory(settings.run_directory(job.id, job.attempt))


def get_token(settings: Settings, job_id: str, number: int) -> str:
    """The token of an attempt's run: made once, by whoever asks first, and readable by this user alone."""
    path = _reporting_file(settings, job_id, number)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "url": settings.public_url,
            "job_id": job_id,
            "attempt": number,
            "token": secrets.token_urlsafe(32),
        }
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            json.dump(content, stream)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            pass  # another replica was first
        finally:
            unfinished.unlink()
    return str(read_json(path)["token"])


def _reporting_file(settings: Settings, job_id: str, number: int) -> Path:
    return settings.run_directory(job_id, number).with_suffix(".json")


def prepare(settings: Settings, job: Job) -> Work:
    """Make the newest attempt's directory ready to be run in; doing so again changes nothing."""
    directory = directory_of(settings, job)
    if not directory.path.exists() and not _take_over(settings.run_directory(job.id, job.attempt - 1), directory.path):
        directory.path.mkdir(parents=True, exist_ok=True)
    directory.progress.unlink(missing_ok=True)
    (directory.path / CHECKED).unlink(missing_ok=True)
    directory.record("attempt", number=job.attempt)
    write_json(directory.path / SUBMITTED, job.spec)
    reporting = _reporting_file(settings, job.id, job.attempt) if settings.public_url else None
    return Work(directory=directory.path, dry_run=job.dry_run, reporting=reporting)


def _take_over(before: Path, path: Path) -> bool:
    """Whether there was a directory to rename. Where two replicas try, one does it and the other finds it done."""
    if before == path.parent:
        return False
    try:
        before.rename(path)
    except FileNotFoundError:
        return path.exists()
    except OSError:
        if not path.exists():
            raise
    return True


def revoke(settings: Settings, job: Job) -> None:
    """See to it that a submission of the newest attempt which is still under way starts nothing."""
    (directory_of(settings, job).path / SUBMITTED).unlink(missing_ok=True)
