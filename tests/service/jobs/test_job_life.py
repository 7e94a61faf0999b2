"""The life of jobs under any order of what can happen: two replicas, an engine that forgets, late reports, cancels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from service.app import create_app
from service.core.job_state import JobState
from service.jobs.attempts import get_token
from service.jobs.reconciler import Reconciler
from service.ray.client import Status
from service.settings import Settings
from service.store import events, jobs
from service.store.tables import Attempt, Event, Job
from tests.service.jobs.test_service import SPEC
from tests.support.databases import sqlite
from tests.support.documents import prune_list
from tests.support.engines import HandEngine
from trainers.runs.directory import write_json

PRUNE_LIST = prune_list(passed=True, reason="auc held")
ENDS = ("list", "user", "fault", "silence")
LIMIT = 2
FAILURES, HOURS = st.integers(0, 2), st.none() | st.integers(1, 3)


class World:
    """One application for all examples: a store for each would take most of the time."""

    def __init__(self, home: Path) -> None:
        sqlite(home)
        self.settings = Settings(home=home, max_running_jobs=LIMIT, public_url="http://127.0.0.1:1", poll_seconds=3600)
        self.engine = HandEngine()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.app = create_app(self.settings, self.engine, open_to_local=True, now=lambda: self.time)
        self.sessions = self.app.state.sessions
        self.http = TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def replica(self) -> Reconciler:
        return Reconciler(self.sessions, self.engine, self.settings, now=lambda: self.time)

    def clear(self) -> None:
        with self.sessions.begin() as session:
            for table in (Attempt, Event, Job):
                session.execute(delete(table))
        self.engine.__init__()  # type: ignore[misc]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("life"))


class JobLife(RuleBasedStateMachine):
    world: World
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.world.clear()
        self.replicas = [self.world.replica(), self.world.replica()]
        self.ended: dict[str, tuple[str, str | None]] = {}
        self.reported: dict[tuple[str, int], int] = {}

    @initialize(target=made, failures=FAILURES)
    def begin(self, failures: int) -> str:
        """With a run, which most of what can happen happens to."""
        job = self.submit(failures, None)
        self.replicas[0].step()
        return job

    @rule(target=made, failures=FAILURES, hours=HOURS)
    def submit(self, failures: int, hours: int | None) -> str:
        deadline = None if hours is None else self.world.time + timedelta(hours=hours)
        with self.world.sessions.begin() as session:
            job = jobs.create(session, {**SPEC}, self.world.time, max_failures=failures, deadline=deadline)
            return job.id

    @rule(which=st.integers(0, 1), down=st.booleans())
    def step(self, which: int, down: bool) -> None:
        self.world.engine.down = down and which == 1
        try:
            self.replicas[which].step()
        finally:
            self.world.engine.down = False

    @rule(point=st.sampled_from(("start.claimed", "start.held", "start.submitted", "look.seen", "apply.written")))
    def die_in_a_step(self, point: str) -> None:
        """A replica fails between two lines, for good; another takes its place."""

        def fault_point(here: str) -> None:
            if here == point:
                raise RuntimeError(point)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.jobs.reconciler.fault_point", fault_point)
            self.replicas[0].step()
        self.replicas[0] = self.world.replica()

    @rule(seconds=st.sampled_from((1, 5, 31, 600, 3700)))
    def wait(self, seconds: int) -> None:
        self.world.time += timedelta(seconds=seconds)

    @precondition(lambda self: self.world.engine.running)
    @rule()
    def forget(self) -> None:
        """The head is started anew: what ran there has ended with it, and its history is gone."""
        self.world.engine.forget()

    @precondition(lambda self: self.world.engine.running)
    @rule(how=st.sampled_from(ENDS), choice=st.integers(0, 9))
    def end_a_run(self, how: str, choice: int) -> None:
        running = self.world.engine.running
        submission = running[choice % len(running)]
        directory = self.world.engine.directory(submission)
        if how == "list":
            write_json(directory.prune_list, PRUNE_LIST)
        elif how != "silence":
            directory.record("failed", reason=how, fault=how)
        self.world.engine.states[submission] = Status.ENDED

    @rule(job=made)
    def cancel(self, job: str) -> None:
        found = self.find(job)
        answer = self.world.http.post(f"/v1/jobs/{job}/cancel")
        assert answer.status_code == (409 if JobState(found.state).ended else 202)

    @rule(job=made, back=st.integers(0, 2), stage=st.sampled_from(("searching", "ranking", "evaluating")))
    def report(self, job: str, back: int, stage: str) -> None:
        """A run of the newest attempt or an older one reports; only what is live is heard."""
        found = self.find(job)
        number = found.attempt - back
        if number < 1:
            return
        with self.world.sessions() as session:
            attempt = session.get_one(Attempt, (job, number))
        sequence = self.reported.get((job, number), 0) + 1
        progress = {"state": "running", "stage": stage, "step": sequence, "total_steps": 9, "attempt": 0}
        answer = self.world.http.post(
            f"/v1/jobs/{job}/attempts/{number}/reports",
            json={"number": sequence, "progress": progress},
            headers={"Authorization": f"Bearer {get_token(self.world.settings, job, number)}"},
        )
        live = back == 0 and attempt.outcome is None and not JobState(found.state).ended
        assert answer.status_code == (200 if live else 409), answer.text
        after = self.find(job)
        if live:
            self.reported[job, number] = sequence
            assert after.progress == progress
            assert answer.json()["stop"] == ("cancelled" if found.cancel_requested else None)
        else:
            assert (after.state, after.progress) == (found.state, found.progress)

    def teardown(self) -> None:
        """Whatever happened, in the end every run ends and its job with it."""
        for _ in range(40):
            self.wait(3700)
            for replica in self.replicas:
                replica.step()
            self.hold_all()
            while self.world.engine.running:
                self.end_a_run("list", 0)
            with self.world.sessions() as session:
                states = session.scalars(select(Job.state)).all()
            if all(JobState(state).ended for state in states):
                return
        raise AssertionError(f"these jobs don't end: {states}")

    def find(self, job_id: str) -> Job:
        with self.world.sessions() as session:
            return session.scalars(select(Job).where(Job.id == job_id)).one()

    @invariant()
    def hold_all(self) -> None:
        self.no_two_attempts_run()
        self.what_has_ended_stays_ended()
        self.every_change_of_state_has_its_event()

    def no_two_attempts_run(self) -> None:
        assert self.world.engine.overlaps == 0
        running = [submission.rpartition("-")[0] for submission in self.world.engine.running]
        assert len(running) == len(set(running)) <= LIMIT

    def what_has_ended_stays_ended(self) -> None:
        with self.world.sessions() as session:
            for job in session.scalars(select(Job)):
                state = JobState(job.state)
                if job.id in self.ended:
                    assert self.ended[job.id] == (job.state, job.reason)
                if state.ended:
                    self.ended[job.id] = (job.state, job.reason)
                    outcomes = session.scalars(select(Attempt.outcome).where(Attempt.job_id == job.id)).all()
                    assert None not in outcomes
                assert job.failures <= job.max_failures + 1
                assert state is not JobState.SUCCEEDED or job.prune_list == PRUNE_LIST

    def every_change_of_state_has_its_event(self) -> None:
        with self.world.sessions() as session:
            for job in session.scalars(select(Job)):
                found = events.after(session, 0, 1000, job_id=job.id)
                moves = [(each.data["from"], each.data["to"]) for each in found if each.kind == "job.state"]
                assert ["queued", *(to for _, to in moves)] == [*(before for before, _ in moves), job.state]


@pytest.mark.parametrize("examples", [15, pytest.param(500, marks=pytest.mark.slow)])
def test_jobs_live_as_they_should(world: World, examples: int) -> None:
    machine = type("Machine", (JobLife,), {"world": world})
    chosen = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=chosen)
