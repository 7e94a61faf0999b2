"""Where jobs run: Ray's job server, behind five calls."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is handed over: a directory with the spec in `submitted.json`.

    A dry run leaves what it found in `check.json`. `reporting` is the file that says where a run reports.
    """

    directory: Path
    dry_run: bool = False
    reporting: Path | None = None


class Engine(Protocol):
    """Starts, watches and stops runs by submission id, which it takes once. Every call ends in bounded time, and may
    raise; the loop tries again.

    `unknown` is said only of what the engine is sure not to have: the loop would start it.
    """

    def submit(self, submission_id: str, work: Work) -> None: ...
    def status(self, submission_id: str) -> Status: ...
    def explain(self, submission_id: str) -> str | None:
        """What the engine says of how something ended."""

    def stop(self, submission_id: str) -> None: ...
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
        self._timeout_seconds, self._winnow = timeout_seconds, winnow
        self.connect(address, token)

    def connect(self, address: str, token: str | None) -> None:
        """Make every later call to this job server."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Not through a proxy from the environment, which seldom knows the way to loopback or into the cluster.
        self._http = httpx.Client(base_url=address, headers=headers, timeout=self._timeout_seconds, trust_env=False)

    def submit(self, submission_id: str, work: Work) -> None:
        """Start a run. The entrypoint is fixed: of a job only ids and paths, which are ours, reach the shell."""
        _expect_ok(
            self._http.post("/api/jobs/", json={"entrypoint": self._command(work), "submission_id": submission_id})
        )

    def _command(self, work: Work) -> str:
        spec, log = str(work.directory / "submitted.json"), shlex.quote(str(work.directory / "log.txt"))
        if work.dry_run:
            command = [self._winnow, "check", spec, "--json"]
            output = f"> {shlex.quote(str(work.directory / 'check.json'))} 2>> {log}"
        else:
            command = [self._winnow, "run", spec, "--output", str(work.directory), "--resume", "-q"]
            command += ["--reporting", str(work.reporting)] if work.reporting else []
            output = f">> {log} 2>&1"
        # Without `exec` it is a child of the shell that Ray starts, and Ray, dying, would kill the shell alone.
        return f"exec {shlex.join(command)} {output}"

    def status(self, submission_id: str) -> Status:
        answer = self._http.get(f"/api/jobs/{submission_id}")
        # A proxy or a stranger on that port can say 404 too; only Ray's own words mean that it has no such job.
        if answer.status_code == HTTPStatus.NOT_FOUND and answer.text == f"Job {submission_id} does not exist":
            return Status.UNKNOWN
        said = _expect_ok(answer).json()["status"]
        if said not in RAY_STATUS:
            raise EngineError(f"Ray says that job {submission_id} is {said!r}, none of {', '.join(RAY_STATUS)}")
        return RAY_STATUS[said]

    def explain(self, submission_id: str) -> str | None:
        said = _expect_ok(self._http.get(f"/api/jobs/{submission_id}")).json().get("message")
        # What follows is the end of Ray's own log, where a run's is in its directory.
        return str(said).partition(", last available logs")[0][:500] if said else None

    def stop(self, submission_id: str) -> None:
        """SIGTERM, and three seconds later SIGKILL."""
        _expect_ok(self._http.post(f"/api/jobs/{submission_id}/stop"))

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
