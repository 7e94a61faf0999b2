"""What /metrics says: of the store the same on every replica, of a replica what it did, and nothing without bound."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from service.core.background_loop import Loop, RunningLoops, log_step_failure
from service.core.job_state import JobState
from service.metrics.event_counters import EventCounters
from service.schemas.runs import Report
from service.settings import Settings
from service.store import attempts, jobs, triggers, webhooks
from service.store.tables import Attempt, Delivery, Job
from service.store.webhooks import Outcome, Outgoing
from tests.experiments import scrape
from tests.support.managed import MODEL, SPEC, Managed, content
from tests.support.metrics_reference import render
from tests.support.monitored import ended, trained
from tests.support.repository import ROOT
from tests.support.serving import wait_until
from trainers.runs.coordinator import Coordinator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def managed(tmp_path: Path, url: str) -> Iterator[Managed]:
    made = Managed(tmp_path, url, metrics_features=2)
    yield made
    made.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path, metrics_features=0)
    yield made
    made.close()


class Scrape:
    """Samples by name and labels."""

    def __init__(self, managed: Managed) -> None:
        answer = managed.http.get("/metrics")
        assert answer.status_code == 200, answer.text
        self.text = answer.text
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def __call__(self, name: str, /, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))

    def series(self) -> int:
        """How many there are, but for requests', which the test makes itself."""
        return sum(not name.startswith("winnow_http") for name, _ in self.samples)

    def labelled(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for found, labels in self.samples if found == name]


def job(managed: Managed, state: JobState | None = None, progress: Any = None, **columns: Any) -> str:
    """A job in the store, moved to a state."""
    with managed.sessions.begin() as session:
        made = jobs.create(session, {**SPEC, "name": "run"}, managed.time, **columns)
        if state is not None:
            jobs.move(session, made, JobState.STARTING, managed.time)
            made.progress = progress
            if state is not JobState.STARTING:
                jobs.move(session, made, state, managed.time)
        return made.id


def end(managed: Managed, job_id: str, state: JobState, **columns: Any) -> None:
    with managed.sessions.begin() as session:
        found = jobs.find(session, job_id)
        assert found is not None
        for name, value in columns.items():
            setattr(found, name, value)
        jobs.move(session, found, state, managed.time)


def progress_at(managed: Managed, steps: int = 100, features: int = 40) -> dict[str, Any]:
    return trained(steps, features, begun=managed.time.timestamp()).progress().document()


def test_the_queue_is_what_could_start(managed: Managed) -> None:
    empty = Scrape(managed)
    assert (empty("winnow_queue_jobs"), empty("winnow_queue_oldest_age_seconds")) == (0, 0)
    job(managed)
    managed.time += timedelta(minutes=5)
    job(managed)
    job(managed, not_before=managed.time + timedelta(hours=1))
    retried = job(managed, not_before=managed.time - timedelta(minutes=1))
    found = Scrape(managed)
    assert found("winnow_queue_jobs") == 3
    assert found("winnow_queue_oldest_age_seconds") == 300
    assert found("winnow_jobs", state="queued") == 4
    assert found("winnow_jobs", state="succeeded") == 0
    with managed.sessions.begin() as session:
        for each in session.query(Job).filter(Job.id != retried):
            jobs.move(session, each, JobState.CANCELLED, managed.time)
    assert Scrape(managed)("winnow_queue_oldest_age_seconds") == 60, "since it could have started again"


def test_a_running_job_tells_of_itself_until_it_ends(managed: Managed) -> None:
    running = job(managed, JobState.SEARCHING, progress_at(managed))
    managed.time += timedelta(seconds=30)
    found = Scrape(managed)
    mine = {"job_id": running}
    assert found("winnow_job_info", name="run", model="", state="searching", attempt="0", **mine) == 1
    assert found("winnow_job_step", **mine) == 100
    assert found("winnow_job_planned_steps", **mine) == 1000
    assert found("winnow_job_steps_per_second", **mine) == pytest.approx(20)
    assert found("winnow_job_rows_per_second", **mine) == pytest.approx(2 * 5120 / 0.5)
    assert found("winnow_job_step_duration_seconds", **mine) == pytest.approx(0.05)
    assert found("winnow_job_task_loss", **mine) == pytest.approx(0.5)
    assert found("winnow_job_held_out_loss", **mine) == pytest.approx(0.6)
    assert found("winnow_job_penalty", **mine) == pytest.approx(0.01)
    assert found("winnow_job_decode_seconds_total", **mine) == pytest.approx(10 * 0.2)
    assert found("winnow_job_gates_ratio", position="between", **mine) == 1
    for name in ("crossing", "undecided"):  # the old name answers for one more version
        assert found(f"winnow_job_gates_{name}_ratio", **mine) == 0
    assert found("winnow_job_gates_spread", **mine) == pytest.approx(0.05)
    assert found("winnow_job_idle_seconds", **mine) == pytest.approx(30)
    for rank, size in (("0", 1 << 20), ("1", 1 << 21)):
        assert found("winnow_job_embedding_bytes", rank=rank, **mine) == size
        assert found("winnow_job_rank_lag_seconds", rank=rank, **mine) == pytest.approx(30)
    assert found("winnow_job_gates_bucket", le="0.4", **mine) == 0
    assert found("winnow_job_gates_bucket", le="0.5", **mine) == 20
    assert found("winnow_job_gates_bucket", le="0.6", **mine) == 40
    assert found("winnow_job_gates_bucket", le="+Inf", **mine) == found("winnow_job_gates_gcount", **mine) == 40
    assert found("winnow_job_gates_gsum", **mine) == pytest.approx(20)
    assert [each["feature"] for each in found.labelled("winnow_job_feature_gate")] == ["feature_0", "feature_1"]
    end(managed, running, JobState.FAILED)
    assert running not in Scrape(managed).text


def test_a_job_that_has_told_nothing_is_there_all_the_same(lite: Managed) -> None:
    started = job(lite, JobState.STARTING)
    lite.time += timedelta(minutes=20)
    found = Scrape(lite)
    assert found("winnow_job_idle_seconds", job_id=started) == 1200
    assert found.labelled("winnow_job_step") == []
    assert lite.http.get("/metrics").text.count(started) == 2


def test_a_new_attempt_does_not_tell_what_the_last_one_did(lite: Managed) -> None:
    started = job(lite, JobState.STARTING, progress_at(lite))
    lite.time += timedelta(minutes=20)
    with lite.sessions.begin() as session:
        found = jobs.find(session, started)
        assert found is not None
        found.updated_at = lite.time
    scraped = Scrape(lite)
    assert scraped("winnow_job_idle_seconds", job_id=started) == 0
    assert scraped.labelled("winnow_job_step") == scraped.labelled("winnow_job_rank_lag_seconds") == []


def test_an_attempt_that_validates_its_data_tells_of_itself(lite: Managed) -> None:
    progress = {**ended(0), "state": "running", "stage": "validating", "advanced_at": lite.time.timestamp()}
    validating = job(lite, JobState.STARTING, progress)
    lite.time += timedelta(minutes=2)
    assert Scrape(lite)("winnow_job_idle_seconds", job_id=validating) == 120


def test_runs_can_report_all_that_the_coordinator_knows(lite: Managed) -> None:
    for told in (Coordinator(("age",)).progress().document(), progress_at(lite, features=10_000), ended(50)):
        report = Report.model_validate({"number": 1, "progress": told})
        assert report.progress is not None
        assert report.progress.document() == told


def test_ranks_are_silent_in_the_search_alone(lite: Managed) -> None:
    told = {**progress_at(lite), "stage": "finetuning"}
    job(lite, JobState.FINETUNING, told)
    found = Scrape(lite)
    assert found.labelled("winnow_job_rank_lag_seconds") == []
    assert len(found.labelled("winnow_job_embedding_bytes")) == 2


def test_ten_thousand_features_make_no_more_series_than_ten(lite: Managed) -> None:
    few = job(lite, JobState.SEARCHING, progress_at(lite, features=10))
    small = Scrape(lite).series()
    end(lite, few, JobState.CANCELLED)
    job(lite, JobState.SEARCHING, progress_at(lite, features=10_000))
    found = Scrape(lite)
    assert found.series() == small
    assert "feature_" not in found.text


def test_lists_and_features_of_a_model(managed: Managed) -> None:
    managed.model("age", "clicks", "noise", policy={"four_eyes": False})
    number = managed.succeed(content({"age": "keep", "clicks": "keep", "noise": "prune"}))
    assert Scrape(managed)("winnow_prune_lists_proposed", model=MODEL, guard="passed") == 1
    for what in ("approve", "activate"):
        answer = managed.http.post(f"/v1/models/{MODEL}/prune-lists/{number}/{what}", json={"reason": "so"})
        assert answer.status_code == 200
    managed.succeed(content({"age": "prune"}, passed=False))
    managed.time += timedelta(hours=1)
    found = Scrape(managed)
    assert found("winnow_prune_lists_proposed", model=MODEL, guard="failed") == 1
    assert found("winnow_prune_lists_proposed", model=MODEL, guard="passed") is None
    managed.succeed(content({"clicks": "prune"}, verdict="inconclusive"))
    assert Scrape(managed)("winnow_prune_lists_proposed", model=MODEL, guard="inconclusive") == 1
    assert found("winnow_prune_list_age_seconds", model=MODEL) == 3660
    for name in ("dims", "features"):
        assert found(f"winnow_prune_list_{name}", model=MODEL, side="before") == 3
        assert found(f"winnow_prune_list_{name}", model=MODEL, side="after") == 2
    assert found("winnow_prune_list_embedding_bytes", model=MODEL, side="after") == 0
    assert found("winnow_features", model=MODEL, status="active") == 2
    assert found("winnow_features", model=MODEL, status="pruned") == 1
    assert found("winnow_prune_list_moves_total", state="proposed") == 2
    assert found("winnow_prune_list_moves_total", state="active") == 1


def test_contents_of_lists_are_read_once(lite: Managed) -> None:
    lite.model("age", "noise", policy={"four_eyes": False, "auto_approve": True, "auto_activate": True})
    lite.succeed(content({"age": "keep", "noise": "prune"}))
    asked: list[str] = []
    event.listen(lite.app.state.readers.kw["bind"], "before_cursor_execute", lambda *given: asked.append(given[2]))
    for expected in (1, 0):
        asked.clear()
        assert Scrape(lite)("winnow_prune_list_dims", model=MODEL, side="after") == 1
        about_lists = [statement for statement in asked if "prune_lists" in statement]
        assert sum("content" in statement for statement in about_lists) == expected
        assert len(asked) < 20


def test_many_lists_are_read_a_few_a_scrape(lite: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.metrics.store_gauges.LISTS", 2)
    for name in ("one", "two", "three"):
        lite.model("age", name=name, policy={"four_eyes": False, "auto_approve": True, "auto_activate": True})
        lite.succeed(content({"age": "prune"}), model=name)
    assert [len(Scrape(lite).labelled("winnow_prune_list_dims")) for _ in range(3)] == [4, 6, 6]


def test_jobs_and_attempts_are_counted_as_they_end(managed: Managed) -> None:
    origin = {"kind": "schedule", "id": "nightly"}
    good = job(managed, JobState.SEARCHING, origin=origin)
    managed.time += timedelta(seconds=20)
    job(managed, JobState.STARTING)
    bad = job(managed, JobState.STARTING)
    with managed.sessions.begin() as session:
        for number, outcome in ((1, "lost"), (2, "failed")):
            session.add(Attempt(job_id=bad, number=number, token_hash=str(number), started_at=managed.time))
            found = jobs.find(session, bad)
            assert found is not None
            found.attempt = number
            session.flush()
            attempts.close(session, found, outcome, "so", managed.time)
            attempts.close(session, found, outcome, "again", managed.time)
    managed.time += timedelta(seconds=100)
    end(managed, good, JobState.SUCCEEDED, progress=ended(20), prune_list=content({"age": "keep"}, passed=False))
    end(managed, bad, JobState.FAILED)
    scraped = Scrape(managed)
    assert scraped("winnow_jobs_submitted_total", origin="schedule") == 1
    assert scraped("winnow_jobs_submitted_total", origin="request") == 2
    assert scraped("winnow_attempts_total", outcome="lost", retry="false") == 1
    assert scraped("winnow_attempts_total", outcome="failed", retry="true") == 1
    assert scraped("winnow_attempts_total", outcome="failed", retry="false") == 0
    assert scraped("winnow_job_duration_seconds_count", state="succeeded") == 1
    assert scraped("winnow_job_duration_seconds_sum", state="succeeded") == 120
    assert scraped("winnow_job_duration_seconds_sum", state="failed") == 100
    assert scraped("winnow_job_queue_duration_seconds_count") == 3
    assert scraped("winnow_job_stage_duration_seconds_count", stage="ranking") == 1
    assert scraped("winnow_guard_verdicts_total", verdict="failed") == 1
    assert scraped("winnow_guard_verdicts_total", verdict="passed") == 0


def test_what_is_rolled_back_is_not_counted(managed: Managed) -> None:
    with managed.sessions() as session:
        jobs.create(session, {**SPEC, "name": "run"}, managed.time)
        with session.begin_nested():
            jobs.create(session, {**SPEC, "name": "within a savepoint"}, managed.time)
        session.rollback()
        assert Scrape(managed)("winnow_jobs_submitted_total", origin="request") == 0
        jobs.create(session, {**SPEC, "name": "run"}, managed.time)
        with session.begin_nested() as savepoint:
            savepoint.rollback()
        session.commit()
    assert Scrape(managed)("winnow_jobs_submitted_total", origin="request") == 1


def test_triggers_schedules_and_webhooks_are_counted(managed: Managed) -> None:
    managed.model("age", "clicks")
    url = f"/v1/models/{MODEL}"
    made = managed.http.post(f"{url}/triggers", json={"when": {"kind": "candidates", "threshold": 1}})
    fired = managed.http.post(f"{url}/triggers/{made.json()['id']}/fire", json={})
    assert fired.is_success, fired.text
    nightly = managed.http.post(f"{url}/schedules", json={"name": "nightly", "cron": "0 3 * * *"}).json()
    assert managed.http.post(f"{url}/schedules/{nightly['id']}/run").is_success
    with managed.sessions.begin() as session:
        trigger = triggers.find(session, MODEL, made.json()["id"])
        assert trigger is not None
        trigger.evaluated_at = managed.time + timedelta(seconds=1)
        triggers.add_evaluation(
            session,
            trigger,
            managed.time,
            fired=False,
            dry_run=False,
            reason="no answer",
            observed={"error": "no answer"},
        )
        webhook = webhooks.create(
            session, managed.time, url="https://x", kinds=[], model=MODEL, secret="s", created_by="test"
        )
        queued = webhook.queued_until
        webhook.queued_until = 0
        session.flush()
        made_deliveries = webhooks.queue(session, managed.time)
        assert made_deliveries >= 2
        assert queued > 0
    found = Scrape(managed)
    assert found("winnow_trigger_fires_total", kind="candidates", outcome="job") == 1
    assert found("winnow_trigger_evaluations_total", kind="candidates") == 2
    assert found("winnow_triggers_failing", kind="candidates") == 1
    assert found("winnow_schedule_fires_total", origin="manual", outcome="started") == 1
    managed.time += timedelta(seconds=9)
    assert Scrape(managed)("winnow_webhook_pending_oldest_age_seconds") == 9
    deliver(managed, 200)
    deliver(managed, 500)
    found = Scrape(managed)
    assert found("winnow_webhook_deliveries_total", outcome="delivered") == 1
    assert found("winnow_webhook_deliveries_total", outcome="failed") == 1
    assert found("winnow_webhook_deliveries_pending") == made_deliveries - 1
    assert found("winnow_webhook_lag_seconds_sum") == 9
    assert found("winnow_webhooks", enabled="true") == 1


def deliver(managed: Managed, status: int) -> None:
    """Try the next delivery that is due."""
    with managed.sessions.begin() as session:
        outgoing: Outgoing = webhooks.take(session, "me", managed.time, timedelta(minutes=1), 1, 1, [])[0]
    with managed.sessions.begin() as session:
        outcome, patience = Outcome(status, ""), timedelta(days=5)
        webhooks.finish(session, outgoing, "me", outcome, managed.time, jitter=1.0, patience=patience)
        assert session.get(Delivery, 1) is not None


def test_replicas_agree_on_the_store_and_each_counts_what_it_did(managed: Managed, tmp_path: Path) -> None:
    other = Managed(tmp_path / "other", managed.app.state.settings.database_url)
    try:
        job(managed)
        job(other)
        for each in (managed, other):
            assert Scrape(each)("winnow_jobs", state="queued") == 2
            assert Scrape(each)("winnow_jobs_submitted_total", origin="request") == 1
    finally:
        other.close()


def test_requests_are_counted_by_route_and_class_and_nothing_else(lite: Managed) -> None:
    for path in ("/v1/jobs/a", "/v1/jobs/b", "/nowhere", "/else-where"):
        assert lite.http.get(path).status_code == 404
    lite.http.request("BREW", "/healthz")
    found = Scrape(lite)
    assert found("winnow_http_requests_total", method="GET", route="/v1/jobs/{job_id}", status="4xx") == 2
    assert found("winnow_http_requests_total", method="GET", route="none", status="4xx") == 2
    assert found("winnow_http_requests_total", method="other", route="/healthz", status="4xx") == 1
    count = found("winnow_http_request_duration_seconds_count", method="GET", route="none", status="4xx")
    assert count == 2
    assert found("winnow_database_statement_duration_seconds_count")


def test_metrics_are_for_readers_of_all_models(lite: Managed) -> None:
    lite.model("age")
    assert lite.http.get("/metrics").status_code == 200
    reader = lite.key("prometheus", "read")
    assert lite.http.get("/metrics").status_code == 401
    assert reader.get("/metrics").status_code == 200
    assert lite.key("one", "admin", model=MODEL).get("/metrics").json()["type"] == "urn:winnow:key-of-one-model"


def test_loops_are_timed_and_their_failures_counted(lite: Managed) -> None:
    def step() -> None:
        log_step_failure("a thing", ValueError("wrong"))
        log_step_failure("another", ValueError("wrong"))
        raise RuntimeError("the step itself")

    running = RunningLoops([Loop("shaky", step, 0.01), Loop("sound", lambda: 0, 0.01)], lite.app.state.metrics)
    try:
        wait_until(lambda: (Scrape(lite)("winnow_loop_step_duration_seconds_count", loop="sound") or 0) >= 2)
    finally:
        running.stop(5)
    found = Scrape(lite)
    steps = found("winnow_loop_step_duration_seconds_count", loop="shaky")
    assert steps
    assert found("winnow_loop_failures_total", loop="shaky") == 3 * steps
    assert found("winnow_loop_failures_total", loop="sound") == 0


def test_counted_rows_are_written_through_the_session() -> None:
    """A bulk update of what is counted would pass by unseen."""
    counted = {"Attempt", "Fire", "PublishedList", "Trigger"}
    sources = (ROOT / "service").rglob("*.py")
    bulk = [
        (path.name, name)
        for path in sources
        for name in re.findall(r"update\((\w+)\)\s*\.", path.read_text(encoding="utf-8"))
        if name in counted
    ]
    assert {(path, name) for path, name in bulk} <= {("triggers.py", "Trigger")}, "only its lease"
    assert EventCounters.__doc__


def test_the_table_in_the_documentation_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    assert render() in text, "docs/reference/metrics.md: python -m tests.support.metrics_reference"


def test_promtool_finds_nothing_to_mend(lite: Managed) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool isn't installed (Debian: apt-get install prometheus)")
    lite.model("age")
    job(lite, JobState.SEARCHING, progress_at(lite))
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=Scrape(lite).text, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_a_scrape_is_small_over_http_too(tmp_path: Path) -> None:
    """The short form of tests/experiments/scrape.py."""
    with scrape.serving(Settings(home=tmp_path, poll_seconds=3600), [(scrape.run_job, 10_000)]) as http:
        size, series, _, took = scrape.measure(http, scrapes=3)
    assert size < 60_000
    assert series < 600
    assert took[0] < 2.0
