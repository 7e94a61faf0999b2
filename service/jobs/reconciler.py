"""The loop that makes what runs agree with what the store says, one testable step at a time.

A step looks after every job that was handed over: lease it, look at Ray and the run directory outside any session,
then apply what was observed where the lease still stands. Then it starts waiting jobs while there is room. Anything may
die between any two lines: the next step, here or in another replica, finds the same facts again.

A job is handed to Ray as an attempt. Its number is raised, and its place among the running ones taken, in a
transaction before anything else happens; whoever finds an attempt that Ray doesn't know, of a job still `queued`,
hands that same attempt over, and Ray takes its id once.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime

import httpx
import structlog
from sqlalchemy.orm import Session, sessionmaker

from service.core.background_loop import count_step_failure, log_step_failure
from service.core.clock import Clock, utc_now
from service.core.fault_points import fault_point
from service.core.job_state import JobState
from service.jobs.attempt_status import AttemptOutcome, Observation, classify, observe
from service.jobs.attempts import directory_of, get_token, prepare, revoke, submission_id
from service.ray.absence import ray_problem
from service.ray.client import Engine, Status
from service.settings import Settings
from service.store import attempts, jobs, proposals
from service.store.keys import digest
from service.store.tables import Job

log = structlog.get_logger()


class Reconciler:
    """One replica's loop. `owner` names it in leases."""

    def __init__(self, sessions: sessionmaker[Session], engine: Engine, settings: Settings, now: Clock = utc_now):
        self.sessions, self.engine, self.settings, self.now = sessions, engine, settings, now
        self.owner = uuid.uuid4().hex
        self._ray_away = False
        self.limits = attempts.Limits(
            jobs=settings.max_running_jobs,
            per_model=settings.max_running_jobs_per_model,
            checks=settings.max_running_checks,
        )

    def step(self) -> int:
        """Look after every job under way and start those for which there is room; how many there were."""
        with self.sessions() as session:
            due = [(job_id, 0) for job_id in attempts.due(session, self.now())]
        reached = self._each(due, lambda job_id, _: self._reconcile(job_id))
        with self.sessions() as session:
            waiting = attempts.startable(session, self.now(), self.limits)
        # An attempt takes a place among the running jobs: none begins that can't be handed over.
        if waiting and ray_problem(self.engine, self.settings) is not None:
            count_step_failure()
            waiting, reached = [], False
        reached = self._each(waiting, self._start) and reached
        if due or waiting or not reached:
            self._log_absence(away=not reached)
        return len(due) + len(waiting)

    def _each(self, found: Iterable[tuple[str, int]], work: Callable[[str, int], None]) -> bool:
        """Whether Ray was reached for every job that asked it. One job's trouble never stops another's."""
        reached = True
        for job_id, attempt in found:
            try:
                work(job_id, attempt)
            except httpx.TransportError:
                count_step_failure()
                reached = False
            except Exception as error:
                log_step_failure("reconcile", error, job_id=job_id)
        return reached

    def _log_absence(self, *, away: bool) -> None:
        """Say once that Ray is away, and once that it is back, not with every step and job."""
        if away and not self._ray_away:
            log.warning(
                "ray is away", problem=ray_problem(self.engine, self.settings) or "it answers only now and then"
            )
        elif self._ray_away and not away:
            log.info("ray is back")
        self._ray_away = away

    def _reconcile(self, job_id: str) -> None:
        now = self.now()
        with self.sessions.begin() as session:
            job = jobs.lease(session, job_id, self.owner, now, self.settings.lease_seconds)
            if job is None:
                return
            attempt = attempts.newest_attempt(session, job)
            if job.deadline is not None and job.deadline <= now:
                jobs.request_cancel(session, job, "deadline", now, f"deadline: {job.deadline.isoformat()} has passed")
        fault_point("look.leased")
        live = attempt is not None and attempt.outcome is None
        if not live and JobState(job.state) is JobState.QUEUED and not job.cancel_requested:
            return  # another replica ended its attempt meanwhile
        observed = observe(directory_of(self.settings, job), submission_id(job), self.engine) if live else Observation()
        fault_point("look.seen")
        unknown = live and observed.status is Status.UNKNOWN and JobState(job.state) is JobState.QUEUED
        if unknown and not job.cancel_requested:
            self._hand_over(job)
            return
        if unknown:
            revoke(self.settings, job)
        reported = attempt.reports if attempt is not None else 0
        if job.cancel_requested and observed.status is Status.RUNNING and self._grace_is_over(job, reported):
            self.engine.stop(submission_id(job))
        fault_point("look.stopped")
        self._apply(job, observed, reported)

    def _grace_is_over(self, job: Job, reported: int) -> bool:
        """A run that reports is told by the answer, and ends by itself; one that doesn't would never know."""
        asked = job.cancel_requested_at
        waited = asked is None or (self.now() - asked).total_seconds() >= self.settings.cancel_grace_seconds
        return waited or reported == 0

    def _apply(self, known: Job, observed: Observation, reported: int) -> None:
        """Store what was observed. Progress that a report told meanwhile is newer than what the directory had."""
        with self.sessions.begin() as session:
            job = jobs.get_if_leased(session, known.id, self.owner, self.now())
            if job is None or job.attempt != known.attempt:
                return
            now = self.now()
            attempt = attempts.newest_attempt(session, job)
            if observed.status is not Status.UNKNOWN:
                older = attempt is not None and attempt.reports != reported
                progress = None if older else observed.progress
                attempts.record_progress(session, job, progress, now, self.settings.snapshot_seconds)
            outcome = classify(job, observed)
            if outcome is not None:
                self._conclude(session, job, outcome, now)
            fault_point("apply.written")
        fault_point("apply.committed")

    def _conclude(self, session: Session, job: Job, outcome: AttemptOutcome, now: datetime) -> None:
        """End an attempt, and with it the job, unless another attempt is to follow."""
        attempts.close(session, job, outcome.outcome, outcome.reason, now)
        if outcome.prune_list is not None:
            job.prune_list = outcome.prune_list.document()
        if outcome.progress is not None:
            job.progress = outcome.progress
        if outcome.state is not JobState.QUEUED:
            jobs.move(session, job, outcome.state, now, outcome.reason)
        else:
            self._retry(session, job, outcome, now)
        if outcome.prune_list is not None and job.model is not None:
            proposals.propose(session, job, now)

    def _retry(self, session: Session, job: Job, outcome: AttemptOutcome, now: datetime) -> None:
        job.failures += 1
        if job.failures > job.max_failures:
            reason = f"{outcome.reason}; {job.failures} attempts ended so, and max_failures is {job.max_failures}"
            jobs.move(session, job, JobState.FAILED, now, reason)
            return
        pause = min(self.settings.retry_max_seconds, self.settings.retry_seconds * 2.0 ** min(job.failures - 1, 60))
        # Jobs that one fault ended don't all come back at the same time.
        attempts.postpone(job, now, pause * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
        jobs.move(session, job, JobState.QUEUED, now, f"attempt {job.attempt}: {outcome.reason}; another follows")

    def _start(self, job_id: str, attempt: int) -> None:
        number, now = attempt + 1, self.now()
        token_hash = digest(get_token(self.settings, job_id, number))
        fault_point("start.token")
        with self.sessions.begin() as session:
            leased = jobs.lease(session, job_id, self.owner, now, self.settings.lease_seconds)
            job = leased and attempts.claim(session, job_id, number, token_hash, now, self.limits)
            fault_point("start.written")
        fault_point("start.claimed")
        if job is not None:
            self._hand_over(job)

    def _hand_over(self, job: Job) -> None:
        """Submit the newest attempt. Ray has one job of an id, so a second submission of it starts nothing."""
        work = prepare(self.settings, job)
        fault_point("start.prepared")
        if not self._still_holds(job):
            return
        fault_point("start.held")
        self.engine.submit(submission_id(job), work)
        fault_point("start.submitted")
        with self.sessions.begin() as session:
            current = jobs.get_if_leased(session, job.id, self.owner, self.now())
            if current is not None and (current.attempt, current.state) == (job.attempt, JobState.QUEUED.value):
                jobs.move(session, current, JobState.STARTING, self.now())
        fault_point("start.confirmed")

    def _still_holds(self, job: Job) -> bool:
        with self.sessions.begin() as session:
            current = jobs.get_if_leased(session, job.id, self.owner, self.now())
            return current is not None and current.attempt == job.attempt and current.state == JobState.QUEUED.value
