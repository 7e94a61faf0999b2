"""The loop that deletes what has been kept long enough. Jobs and prune lists themselves stay."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session, sessionmaker

from service.core.clock import Clock, utc_now
from service.settings import Settings
from service.store import retention
from service.store.retention import BATCH, Terms

log = structlog.get_logger()

# Between two deletions, so that requests get their turn.
PAUSE_SECONDS = 0.05


@dataclass
class Retention:
    """One replica's loop; two of them are in nobody's way."""

    sessions: sessionmaker[Session]
    settings: Settings
    now: Clock = utc_now
    pause: Callable[[float], None] = time.sleep

    def step(self) -> dict[str, int]:
        """Delete whatever is due; how much of each."""
        days = timedelta(days=self.settings.keep_events_days)
        hours = timedelta(hours=self.settings.keep_idempotency_hours)
        now = self.now()
        terms = self._terms("events_days", self.settings.keep_events_days)
        gone = {
            "runs": self._runs(),
            "events": self._events(terms),
            "evaluations": self._repeat(lambda session: retention.evaluations(session, terms, now)),
            "deliveries": self._repeat(lambda session: retention.deliveries(session, now - days)),
            "audit": self._repeat(lambda session: retention.audit(session, now - days)),
        }
        with self.sessions.begin() as session:
            gone["idempotency_keys"] = retention.idempotency_keys(session, now - hours)
            gone["browser_sessions"] = retention.browser_sessions(session, now)
        if any(gone.values()):
            log.info("deleted what was kept long enough", **gone)
        return gone

    def _terms(self, name: str, default: float) -> Terms:
        with self.sessions() as session:
            return Terms.of(session, name, default)

    def _runs(self) -> int:
        """Of the run directories there are, in portions: those of jobs that the store doesn't know aren't ours."""
        terms = self._terms("runs_days", self.settings.keep_runs_days)
        folder = self.settings.run_directory("any").parent
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        gone = 0
        for begin in range(0, len(names), BATCH):
            with self.sessions() as session:
                doomed = retention.runs(session, names[begin : begin + BATCH], terms, self.now())
            for job_id in doomed:
                shutil.rmtree(self.settings.run_directory(job_id), ignore_errors=True)
                gone += 1
        return gone

    def _events(self, terms: Terms) -> int:
        place: int | None = 0
        gone = 0
        while place is not None:
            with self.sessions.begin() as session:
                place, deleted = retention.events(session, place, terms, self.now())
            gone += deleted
            self.pause(PAUSE_SECONDS)
        return gone

    def _repeat(self, forget: Callable[[Session], int]) -> int:
        gone = 0
        while True:
            with self.sessions.begin() as session:
                deleted = forget(session)
            gone += deleted
            if deleted < BATCH:
                return gone
            self.pause(PAUSE_SECONDS)
