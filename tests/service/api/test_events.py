"""Events as pages and as streams: resumed, filtered, ended; over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from service.api import event_stream as feeds
from service.api.event_stream import EventFilter, EventStreams
from service.core.identity import LOCAL
from service.core.job_state import JobState
from service.store import events, jobs, keys
from tests.support.automatic import Plane

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
STREAM = {"Accept": "text/event-stream"}


class Live:
    """A control plane behind uvicorn, on a port of its own."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.feed = plane, plane.http.app.state.event_streams  # type: ignore[attr-defined]
        self.feed.poll_seconds = 0.05
        config = uvicorn.Config(plane.http.app, log_level="warning", lifespan="on")
        self.server, self.socket = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.http = httpx.Client(base_url=self.url, timeout=20, trust_env=False)
        until(lambda: self.server.started)

    def stop(self) -> None:
        self.http.close()
        self.feed.close()
        self.server.should_exit = True
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
        with self.http.stream("GET", path, headers={**STREAM, **headers}) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield sent(answer.iter_lines())


def sent(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The stream's events and comments, as a client takes them apart."""
    block: dict[str, Any] = {}
    for line in lines:
        if line == "":
            if block.keys() - {"retry"}:
                yield block
            block = {}
            continue
        name, _, value = line.partition(": ")
        block[name or "comment"] = json.loads(value) if name == "data" else value


def until(done: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.01)


@pytest.fixture
def live(tmp_path: Path, url: str) -> Iterator[Live]:
    plane = Plane(tmp_path, url, poll_seconds=3600).begin()
    made = Live(plane)
    yield made
    made.stop()
    plane.close()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Live]:
    """On SQLite alone."""
    plane = Plane(tmp_path, poll_seconds=3600).begin()
    made = Live(plane)
    yield made
    made.stop()
    plane.close()


def job_of(plane: Plane) -> str:
    return str(plane.call("POST", "jobs", 202, {})["id"])


def tell(plane: Plane, kind: str, count: int = 1, model: str | None = None) -> None:
    with plane.sessions.begin() as session:
        for place in range(count):
            events.record(session, kind, {"place": place}, plane.at, model=model)


def move(plane: Plane, job_id: str, state: JobState) -> None:
    with plane.sessions.begin() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        jobs.move(session, job, state, plane.at)


def test_a_jobs_stream_tells_its_life_and_ends_with_it(live: Live) -> None:
    job, other = job_of(live.plane), job_of(live.plane)
    with live.stream(f"/v1/jobs/{job}/events") as stream:
        assert next(stream)["event"] == "job.queued"
        move(live.plane, other, JobState.STARTING)
        move(live.plane, job, JobState.STARTING)
        seen = next(stream)
        assert (seen["event"], seen["data"]["data"]["to"], seen["data"]["job_id"]) == ("job.state", "starting", job)
        assert seen["id"] == str(seen["data"]["number"])
        with live.plane.sessions.begin() as session:
            row = jobs.find(session, job)
            assert row is not None
            jobs.move(session, row, JobState.SUCCEEDED, live.plane.at)
            jobs.record(session, row, "prune_list.proposed", {}, live.plane.at)
        assert [event["event"] for event in stream] == ["job.state", "prune_list.proposed"]
    until(lambda: not live.feed.listeners)
    assert live.feed._reader is None


def test_a_stream_is_taken_up_where_it_broke_off(live: Live) -> None:
    job = job_of(live.plane)
    with live.stream(f"/v1/jobs/{job}/events") as stream:
        first = next(stream)["id"]
    move(live.plane, job, JobState.STARTING)
    move(live.plane, job, JobState.FAILED)
    with live.stream(f"/v1/jobs/{job}/events", **{"Last-Event-ID": first}) as stream:
        rest = list(stream)
    assert [event["data"]["data"]["to"] for event in rest] == ["starting", "failed"]
    answer = live.http.get(f"/v1/jobs/{job}/events", headers={**STREAM, "Last-Event-ID": rest[-1]["id"]})
    assert (answer.status_code, answer.content) == (204, b"")
    page = live.http.get(f"/v1/jobs/{job}/events", params={"after": first}).json()
    assert [event["number"] for event in page] == [int(event["id"]) for event in rest]


def test_all_events_by_model_and_kind(live: Live) -> None:
    tell(live.plane, "webhook.disabled")
    job = job_of(live.plane)
    with live.stream("/v1/events?model=ranker&kind=job.*&kind=other.kind") as stream:
        assert next(stream)["data"]["job_id"] == job
        tell(live.plane, "job.snapshot", model="another")
        tell(live.plane, "feature.status", model="ranker")
        tell(live.plane, "other.kind", model="ranker")
        assert next(stream)["event"] == "other.kind"
    listed = live.http.get("/v1/events", params={"kind": ["webhook.*", "feature.status"]}).json()
    assert [event["kind"] for event in listed] == ["webhook.disabled", "feature.status"]
    assert live.http.get("/v1/events", params={"model": "nobody"}).status_code == 404
    assert live.http.get("/v1/events", params={"kind": ""}).status_code == 422
    assert live.http.get("/v1/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_an_after_beyond_the_newest_begins_with_what_happens_next(lone: Live) -> None:
    tell(lone.plane, "webhook.disabled", 3)
    with lone.stream(f"/v1/events?after={2**53}") as stream:
        until(lambda: lone.feed.newest)
        tell(lone.plane, "feature.status")
        assert next(stream)["event"] == "feature.status"


def test_a_key_of_one_model_sees_its_events_alone(lone: Live) -> None:
    with lone.plane.sessions.begin() as session:
        made = keys.create(session, "k", ["read"], lone.plane.at, by="test", model="ranker")
    own = {"Authorization": f"Bearer {made.secret}"}
    tell(lone.plane, "job.snapshot", model="another")
    with lone.stream("/v1/events?kind=job.*", **own) as stream:
        until(lambda: lone.feed.newest)
        tell(lone.plane, "job.snapshot", model="another")
        tell(lone.plane, "job.snapshot")
        tell(lone.plane, "job.state", model="ranker")
        assert next(stream)["data"]["model"] == "ranker"
    assert lone.http.get("/v1/events").status_code == 401


def test_a_revoked_key_loses_its_stream(live: Live) -> None:
    live.feed.recheck_seconds = 0.1
    with live.plane.sessions.begin() as session:
        revoked = keys.create(session, "a", ["read"], live.plane.at, by="test")
        good = keys.create(session, "b", ["read"], live.plane.at, by="test")
    with (
        live.stream("/v1/events?kind=job.*", Authorization=f"Bearer {good.secret}") as other,
        live.stream("/v1/events?kind=job.*", Authorization=f"Bearer {revoked.secret}") as stream,
    ):
        with live.plane.sessions.begin() as session:
            key = keys.find(session, revoked.key.id)
            assert key is not None
            key.revoked_at = live.plane.at
        assert list(stream) == []
        tell(live.plane, "job.state", model="ranker")
        assert next(other)["event"] == "job.state"


def test_a_browser_that_signs_out_loses_its_stream_and_the_keys_others_do_not(live: Live) -> None:
    live.feed.recheck_seconds = 0.1
    with live.plane.sessions.begin() as session:
        secret = keys.create(session, "a", ["read"], live.plane.at, by="test").secret
    leaving, staying = (httpx.Client(base_url=live.url, timeout=20, trust_env=False) for _ in range(2))
    with leaving, staying:
        for browser in (leaving, staying):
            assert browser.post("/sign-in", data={"key": secret}, headers={"Origin": live.url}).status_code == 303
        path = "/v1/events?kind=job.*"
        with (
            staying.stream("GET", path, headers=STREAM) as other,
            leaving.stream("GET", path, headers=STREAM) as stream,
        ):
            assert leaving.post("/sign-out", headers={"Origin": live.url}).status_code == 303
            assert list(sent(stream.iter_lines())) == []
            tell(live.plane, "job.state", model="ranker")
            assert next(sent(other.iter_lines()))["event"] == "job.state"


def test_who_came_without_a_key_is_out_once_there_is_one(lone: Live) -> None:
    lone.feed.recheck_seconds = 0.1
    with lone.stream("/v1/events?kind=job.*") as stream:
        with lone.plane.sessions.begin() as session:
            keys.create(session, "a", ["read"], lone.plane.at, by="test")
        assert list(stream) == []


def test_a_waiting_stream_is_kept_alive_and_holds_no_connection(live: Live) -> None:
    live.feed.keepalive_seconds = 0.1
    pool = live.plane.sessions.kw["bind"].pool
    with live.stream("/v1/events?kind=job.*") as stream:
        assert [next(stream)["comment"] for _ in range(3)] == ["ping"] * 3
        until(lambda: pool.checkedout() == 0)


def test_a_service_that_ends_ends_its_streams(lone: Live) -> None:
    with lone.stream("/v1/events?kind=job.*") as stream:
        until(lambda: lone.feed.listeners)
        began = time.monotonic()
        lone.feed.close()
        assert list(stream) == []
    assert time.monotonic() - began < 10


def test_a_client_that_left_is_forgotten(lone: Live) -> None:
    with lone.stream("/v1/events?kind=job.*"):
        until(lambda: lone.feed.listeners)
    until(lambda: not lone.feed.listeners)


async def taken(stream: AsyncIterator[bytes], count: int) -> list[int]:
    """The numbers of the next so many events."""
    numbers: list[int] = []
    while len(numbers) < count:
        async for content in stream:
            numbers += [int(line[4:]) for line in content.decode().splitlines() if line.startswith("id: ")]
            break
    return numbers


def test_a_slow_client_misses_nothing_and_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It falls behind what the feed keeps, and reads the store from where it stood."""
    monkeypatch.setattr(feeds, "KEPT", 10)
    monkeypatch.setattr(feeds, "PAGE", 7)
    plane = Plane(tmp_path).begin()
    with plane.sessions() as session:
        before = events.newest(session)

    async def run() -> tuple[list[int], list[int]]:
        feed = EventStreams(plane.sessions, lambda: plane.at, poll_seconds=0.01)
        slow = feed.stream(LOCAL, EventFilter(kinds=("webhook.*",)), before)
        quick = feed.stream(LOCAL, EventFilter(kinds=("webhook.*",)), before)
        assert [await anext(each) for each in (slow, quick)] == [feeds.GREETING] * 2
        await asyncio.to_thread(tell, plane, "webhook.disabled")
        first = await taken(slow, 1)
        for _ in range(5):
            await asyncio.to_thread(tell, plane, "webhook.disabled", 10)
            await asyncio.to_thread(tell, plane, "job.state", 3)
        seen = await taken(quick, 51)
        assert feed.floor > first[0]
        return seen, first + await taken(slow, 50)

    quick, slow = asyncio.run(run())
    assert quick == slow
    assert len(quick) == 51
    assert quick == sorted(set(quick))
    plane.close()


def test_events_of_commits_that_overlap_all_arrive_in_order(live: Live) -> None:
    with live.stream("/v1/events?kind=webhook.*") as stream:
        threads = [
            threading.Thread(target=lambda: [tell(live.plane, "webhook.disabled", 3) for _ in range(10)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        numbers = [int(next(stream)["id"]) for _ in range(120)]
        for thread in threads:
            thread.join()
    assert numbers == sorted(set(numbers))
