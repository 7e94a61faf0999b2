"""Where jobs run: Ray's job server, behind four calls."""

from __future__ import annotations

import shlex
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

HEALTH_SECONDS = 2.0


class EngineError(RuntimeError):
    """Ray's job server answered, but not what was asked for; the message has its words."""


class Status(StrEnum):
    """What the engine knows of a job; `unknown` is a job it never saw, or forgot."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"


class Engine(Protocol):
    """Starts, watches and stops runs by job id. Every call ends in bounded time, and may raise; the loop tries again.

    `unknown` is said only of a job that the engine is sure not to have: the loop would start it.
    """

    def submit(self, job_id: str, directory: Path) -> None: ...
    def status(self, job_id: str) -> Status: ...
    def stop(self, job_id: str) -> None: ...
    def healthy(self) -> bool: ...


RAY_STATUS = {
    "PENDING": Status.RUNNING,
    "RUNNING": Status.RUNNING,
    "STOPPED": Status.ENDED,
    "SUCCEEDED": Status.ENDED,
    "FAILED": Status.ENDED,
}


class RayEngine:
    """Ray's Jobs REST API, every call with a timeout: Ray's own client has none, and a hung head would hang the loop.

    Args:
        address: of the job server, `http://host:8265`.
        token: Ray's authentication token, where the cluster asks for one.
        timeout_seconds: how long a connection, and then an answer, may take.
        winnow: the command as the cluster's head finds it.
    """

    def __init__(
        self, address: str, *, token: str | None = None, timeout_seconds: float = 10.0, winnow: str = "winnow"
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Not through a proxy from the environment, which seldom knows the way to loopback or into the cluster.
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout_seconds, trust_env=False)
        self._winnow = winnow

    def submit(self, job_id: str, directory: Path) -> None:
        """Start a job. The entrypoint is fixed: of a job only its id and directory, which are ours, reach the shell."""
        command = [self._winnow, "run", str(directory / "submitted.json"), "--output", str(directory), "--resume", "-q"]
        # Without `exec` it is a child of the shell that Ray starts, and Ray, dying, would kill the shell alone.
        body = {"entrypoint": f"exec {shlex.join(command)}", "submission_id": job_id}
        _expect_ok(self._http.post("/api/jobs/", json=body))

    def status(self, job_id: str) -> Status:
        answer = self._http.get(f"/api/jobs/{job_id}")
        # A proxy or a stranger on that port can say 404 too; only Ray's own words mean that it has no such job.
        if answer.status_code == HTTPStatus.NOT_FOUND and answer.text == f"Job {job_id} does not exist":
            return Status.UNKNOWN
        _expect_ok(answer)
        said = answer.json()["status"]
        if said not in RAY_STATUS:
            raise EngineError(f"Ray says that job {job_id} is {said!r}, which is none of {', '.join(RAY_STATUS)}")
        return RAY_STATUS[said]

    def stop(self, job_id: str) -> None:
        _expect_ok(self._http.post(f"/api/jobs/{job_id}/stop"))

    def healthy(self) -> bool:
        return self.session() is not None

    def session(self) -> str | None:
        """The name of the Ray session that answers, which no other cluster has; None where none does."""
        try:
            answer = self._http.get("/api/version", timeout=HEALTH_SECONDS)
            return str(_expect_ok(answer).json()["session_name"])
        except (httpx.HTTPError, EngineError, ValueError, KeyError, TypeError):
            return None


def _expect_ok(answer: httpx.Response) -> httpx.Response:
    """Raises EngineError with the end of what Ray said: its tracebacks end with the reason."""
    if answer.status_code != HTTPStatus.OK:
        said = answer.text.strip()[-500:]
        raise EngineError(f"{answer.request.method} {answer.request.url} was answered {answer.status_code}: {said}")
    return answer
