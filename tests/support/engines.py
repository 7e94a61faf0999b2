"""An engine whose attempts do what the test says."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from service.ray.client import EngineError, Status, Work
from trainers.runs.directory import RunDirectory


class HandEngine:
    """As Ray does, it takes a submission id once; with a delay, so that loops meet inside a call."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay, self.lock = delay, threading.Lock()
        self.submitted: list[str] = []
        self.stopped: list[str] = []
        self.works: dict[str, Work] = {}
        self.states: dict[str, Status] = {}
        self.refused, self.overlaps = 0, 0
        self.down = False

    def submit(self, submission_id: str, work: Work) -> None:
        time.sleep(self.delay)
        with self.lock:
            if submission_id in self.states:
                self.refused += 1
                raise EngineError(f"Job with submission_id {submission_id} already exists")
            job = submission_id.rpartition("-")[0]
            self.overlaps += any(job == other.rpartition("-")[0] for other in self.running)
            self.submitted.append(submission_id)
            self.works[submission_id] = work
            self.states[submission_id] = Status.RUNNING

    @property
    def running(self) -> list[str]:
        return [name for name, state in self.states.items() if state is Status.RUNNING]

    def status(self, submission_id: str) -> Status:
        if self.down:
            raise ConnectionError("no answer")
        time.sleep(self.delay)
        return self.states.get(submission_id, Status.UNKNOWN)

    def explain(self, submission_id: str) -> str | None:
        return "exit code 137"

    def stop(self, submission_id: str) -> None:
        self.stopped.append(submission_id)
        self.states[submission_id] = Status.ENDED

    def healthy(self) -> bool:
        return not self.down

    def forget(self) -> None:
        """As a head does that is started anew."""
        self.states.clear()

    def directory(self, submission_id: str) -> RunDirectory:
        return RunDirectory(Path(self.works[submission_id].directory))
