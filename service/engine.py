"""Where jobs run: Ray's job server, behind three calls."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ray.job_submission import JobStatus, JobSubmissionClient


class Status(StrEnum):
    """What the engine knows of a job; `unknown` is a job it never saw, or forgot."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"


class Engine(Protocol):
    """Starts, watches and stops runs by job id. Every call may raise; the loop tries again later."""

    def submit(self, job_id: str, directory: Path) -> None: ...
    def status(self, job_id: str) -> Status: ...
    def stop(self, job_id: str) -> None: ...
    def healthy(self) -> bool: ...


class RayEngine:
    """Ray Jobs. The entrypoint is fixed: of a job only its id and directory, which are ours, reach the shell."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client: JobSubmissionClient | None = None

    @property
    def client(self) -> JobSubmissionClient:
        if self._client is None:
            self._client = JobSubmissionClient(self.address)
        return self._client

    def submit(self, job_id: str, directory: Path) -> None:
        winnow = Path(sys.executable).with_name("winnow")
        command = [str(winnow), "run", str(directory / "submitted.json"), "--output", str(directory), "--resume", "-q"]
        self.client.submit_job(entrypoint=shlex.join(command), submission_id=job_id)

    def status(self, job_id: str) -> Status:
        known = {job.submission_id: job.status for job in self.client.list_jobs()}
        if job_id not in known:
            return Status.UNKNOWN
        return Status.RUNNING if known[job_id] in (JobStatus.PENDING, JobStatus.RUNNING) else Status.ENDED

    def stop(self, job_id: str) -> None:
        self.client.stop_job(job_id)

    def healthy(self) -> bool:
        try:
            self.client.get_version()
        except Exception:
            self._client = None
            return False
        return True
