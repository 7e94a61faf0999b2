"""An attempt's place on disk: its run directory, and the file that tells its run where to report."""

from __future__ import annotations

from service.settings import Settings
from service.store.tables import Job
from trainers.run_directory import RunDirectory


def directory_of(settings: Settings, job: Job) -> RunDirectory:
    """Of the newest attempt, where one was made. It takes over what the attempt before it left."""
    return RunDirectory(settings.run_directory(job.id, job.attempt))
