"""The database of a service of version 0.1.0, opened and upgraded: the same answers, and the same requests taken."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import uvicorn

from tests.golden.comparing import ANY, differences, unintended
from tests.golden.opened import GOLDEN, Opened, content_of, opened, read
from tests.golden.product import client, free_port, wait_until, winnow

ABOUT = read(GOLDEN / "service" / "about.json")
ANSWERS = read(GOLDEN / "service" / "answers.json.gz")
REQUESTS = read(GOLDEN / "service" / "requests.json.gz")
FEED = "feed-ranker"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened(tmp_path_factory.mktemp("golden") / "home") as found:
        yield found


@pytest.mark.parametrize("recorded", ANSWERS, ids=lambda recorded: recorded["path"].replace("/v1/", ""))
def test_an_answer_is_what_it_was(service: Opened, recorded: dict[str, Any]) -> None:
    answer = service.ask(recorded)
    assert answer.status_code == recorded["status"], answer.text
    golden, today = recorded["answer"], content_of(answer)
    if recorded.get("headers", {}).get("Accept") == "text/csv":  # a table is read by the names of its columns
        golden, today = (list(csv.DictReader(io.StringIO(text))) for text in (golden, today))
    assert unintended(recorded["operation"], golden, today) == []


def test_recorded_requests_are_taken_and_answered_as_they_were(tmp_path: Path) -> None:
    """In their order, on one service: what one makes, the next may find."""
    wrong = []
    with opened(tmp_path / "home") as service:
        for recorded in REQUESTS:
            answer = service.ask(recorded)
            place = f"{recorded['method']} {recorded['path']}"
            if answer.status_code != recorded["status"]:
                wrong.append(f"{place}: was {recorded['status']}, is {answer.status_code}: {answer.text[:300]}")
            else:
                lines = unintended(recorded["operation"], recorded["answer"], content_of(answer))
                wrong += [f"{place} {line}" for line in lines]
    assert wrong == []


def test_the_recordings_are_of_something() -> None:
    """Every state and status there is, and most operations: an empty database would keep any promise."""
    by_path = {recorded["path"]: recorded["answer"] for recorded in ANSWERS}
    states = {by_path[f"/v1/jobs/{job}"]["state"] for job in ABOUT["ids"].values() if f"/v1/jobs/{job}" in by_path}
    assert states == {"succeeded", "failed", "cancelled", "searching", "queued"}
    lists = {each["state"] for each in by_path[f"/v1/models/{FEED}/prune-lists"]["prune_lists"]}
    assert lists == {"proposed", "approved", "active", "superseded", "rolled_back", "rejected"}
    features = {each["status"] for each in by_path[f"/v1/models/{FEED}/features"]["features"]}
    assert features == {"essential", "active", "candidate", "pruned", "retired"}
    assert [each["outcome"] for each in by_path[f"/v1/jobs/{ABOUT['ids']['lost']}/attempts"]][-1] == "succeeded"
    assert len({recorded["operation"] for recorded in (*ANSWERS, *REQUESTS)}) > 75
    assert sum(recorded["status"] >= 400 for recorded in ANSWERS) == 3


def test_an_upgraded_database_opens_again(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as service:
        before = service.http.get("/v1/jobs?limit=200").json()
    (tmp_path / "home" / "winnow.db").rename(tmp_path / "upgraded.db")
    with opened(tmp_path / "again", upgraded=tmp_path / "upgraded.db") as service:
        assert service.http.get("/v1/jobs?limit=200").json() == before


def test_a_list_of_then_is_served_in_every_form(service: Opened) -> None:
    content = service.http.get(f"/v1/models/{FEED}/prune-list").json()
    decisions = {feature["name"]: feature["decision"] for feature in content["features"]}
    table = service.http.get(f"/v1/models/{FEED}/prune-list", headers={"Accept": "text/csv"}).text
    assert {row["name"]: row["decision"] for row in csv.DictReader(io.StringIO(table))} == decisions
    packed = service.http.get(f"/v1/models/{FEED}/prune-list", headers={"Accept": ARROW}).content
    with pa.ipc.open_stream(packed) as stream:
        rows = stream.read_all().to_pylist()
    assert {row["name"]: row["decision"] for row in rows} == decisions
    assert set(decisions.values()) == {"keep", "prune"}


def test_the_python_client_reads_it(service: Opened) -> None:
    async def read_all() -> tuple[Any, ...]:
        transport = httpx.ASGITransport(app=service.app)
        winnow = client().AsyncWinnow("http://localhost", ABOUT["key"], transport=transport)
        async with winnow:
            job = await winnow.get_job(ABOUT["ids"]["first"])
            listed = [each.id async for each in winnow.each(winnow.list_jobs, state=["failed"])]
            active, spec = await winnow.active_list(FEED), await winnow.get_job_spec(job.id)
            return job, listed, active, spec

    job, listed, active, spec = asyncio.run(read_all())
    assert (job.state.value, job.model, spec.name) == ("succeeded", FEED, "first")
    assert listed == [ABOUT["ids"]["retried"], ABOUT["ids"]["broken"]]
    assert active.content["id"] == service.http.get(f"/v1/models/{FEED}/prune-list").json()["id"]


@pytest.fixture(scope="module")
def url(service: Opened) -> Iterator[str]:
    """Where the service listens; its loops don't run."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(service.app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"prune-list list {FEED}", ["rolled_back", "proposed", "approved"]),
        (f"prune-list show {FEED} 1", ["user_id"]),
        (f"prune-list show {FEED} active --json", ["user_id"]),
        (f"prune-list diff {FEED} 1 2", ["device"]),
        (f"prune-list get {FEED} --output OUT.csv", []),
        (f"job {ABOUT['ids']['first']}", ["succeeded"]),
        (f"features list {FEED}", ["ctr_5", "retired"]),
        (f"triggers list {FEED}", ["freshness"]),
        (f"schedules list {FEED}", ["nightly"]),
    ],
)
def test_the_command_line_shows_it(url: str, tmp_path: Path, words: str, told: list[str]) -> None:
    arguments = words.replace("OUT", str(tmp_path / "list")).split()
    done = winnow(*arguments, "--url", url, WINNOW_API_KEY=ABOUT["key"])
    assert done.exit_code == 0, done.output
    assert [word for word in told if word not in done.stdout] == []
    if "OUT" in words:
        table = (tmp_path / "list.csv").read_text(encoding="utf-8")
        assert {row["decision"] for row in csv.DictReader(io.StringIO(table))} == {"keep", "prune"}


def test_differences_would_be_told() -> None:
    golden = {"a": 1, "b": [{"c": 0.5}, {"c": ANY}], "d": {"e": None}}
    assert differences(golden, {"a": 1, "b": [{"c": 0.5, "new": 1}, {"c": 7}], "d": {"e": None}, "new": 2}) == []
    other = differences(golden, {"a": 2, "b": [{"c": 0.25}, {}], "d": {}})
    assert other == [".a: was 1, is 2", ".b[0].c: was 0.5, is 0.25", ".b[1].c: is missing", ".d.e: is missing"]
    assert differences({"b": [1]}, {"b": [1, 2]}) == [".b: was [1], is [1, 2]"]
