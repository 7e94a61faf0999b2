"""The Python client against a whole service on a port: what it asks, what it repeats, what it says of errors."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.client import ActiveList, AsyncWinnow, Winnow, WinnowError
from service.client.core import Call, Patience, settings
from service.client.models import FeatureBatch, NewDense, NewModel
from service.core.job_state import JobState
from service.store import keys
from service.store.database import connect
from tests.support.managed import content
from tests.support.serving import Home, wait_until
from trainers.spec import JobSpec, SpecError, parse_spec

DATA = {"train": "/data/train", "validation": "/data/validation", "test": "/data/test"}
SPEC: dict[str, Any] = {"name": "small", "dataset": DATA, "features": [{"name": "age", "kind": "dense"}]}
LIST = content({"age": "keep", "noise": "prune"})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("served"))
    with home.in_thread():
        yield home


@pytest.fixture
def home(served: Home) -> Home:
    served.go_on()
    return served


@pytest.fixture
def winnow(home: Home) -> Iterator[Winnow]:
    with Winnow(home.url) as client:
        yield client


def test_importing_it_imports_no_server_and_no_torch() -> None:
    code = (
        "import sys, service.client\n"
        "heavy = {'torch', 'ray', 'fastapi', 'sqlalchemy', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_job_is_submitted_and_waited_for(winnow: Winnow, home: Home) -> None:
    run = winnow.submit(SPEC, priority=5)
    with pytest.raises(TimeoutError, match=f"{run.id} is .* after 0.2 s"):
        run.wait(timeout=0.2, every=0.05)
    with pytest.raises(WinnowError, match="has no prune list") as refused:
        run.prune_list()
    assert (refused.value.status, refused.value.kind) == (409, "no-prune-list")
    home.finish(LIST)
    job = run.wait(timeout=20, every=0.05)
    assert (job.state, job.priority, job.name) == (JobState.SUCCEEDED, 5, "small")
    assert run.prune_list() == LIST
    assert winnow.get_job_spec(run.id) == parse_spec(SPEC)


def test_a_job_is_cancelled(winnow: Winnow) -> None:
    run = winnow.submit(parse_spec(SPEC))
    assert run.cancel().cancel_requested
    assert run.wait(timeout=20, every=0.05).state is JobState.CANCELLED
    with pytest.raises(WinnowError, match="only a job that still runs can be cancelled"):
        run.cancel()


def test_events_come_in_order_until_the_job_has_ended(winnow: Winnow, home: Home) -> None:
    run = winnow.submit(SPEC)
    seen = []
    for event in run.events():
        seen.append(event)
        if event.data.get("to") == "starting":
            home.finish(LIST)
    assert seen[0].kind == "job.queued"
    assert seen[-1].data["to"] == "succeeded"
    assert [event.number for event in seen] == sorted({event.number for event in seen})
    assert list(winnow.events(run.id, after=seen[-1].number)) == []


def test_events_of_all_are_filtered(winnow: Winnow) -> None:
    before = max((event.number for event in winnow.list_events(limit=1000)), default=0)
    runs = [winnow.submit(SPEC) for _ in range(2)]
    stream = winnow.events(kinds=["job.queued"], after=before)
    assert [next(stream).job_id for _ in runs] == [run.id for run in runs]
    stream.close()
    told: list[str | None] = []
    following = winnow.events(kinds=["job.queued"], after=None)
    thread = threading.Thread(target=lambda: told.append(next(following).job_id))
    thread.start()
    wait_until(lambda: not winnow.submit(SPEC).job().state.ended and bool(told))
    thread.join()
    following.close()
    assert told[0] not in {run.id for run in runs}


def test_pages_are_walked_through(winnow: Winnow) -> None:
    made = [winnow.submit({**SPEC, "name": "page"}).id for _ in range(5)]
    found = [job.id for job in winnow.each(winnow.list_jobs, name="page", limit=2)]
    assert found == made[::-1]


def test_async_has_the_same(home: Home) -> None:
    async def all_of_it() -> None:
        async with AsyncWinnow(home.url) as winnow:
            run = await winnow.submit(SPEC)
            seen = []
            async for event in run.events():
                seen.append(event.kind)
                if event.data.get("to") == "starting":
                    home.finish(LIST)
            assert seen[0] == "job.queued"
            assert (await run.wait(timeout=20)).state is JobState.SUCCEEDED
            assert await run.prune_list() == LIST
            assert run.id in [job.id async for job in winnow.each(winnow.list_jobs, limit=1)]
            other = await winnow.submit(SPEC)
            assert (await other.cancel()).id == other.id
            with pytest.raises(WinnowError, match="there is no job 'none'"):
                await winnow.get_job("none")

    asyncio.run(all_of_it())


def test_a_model_its_features_and_its_list(winnow: Winnow, home: Home) -> None:
    winnow.create_model(NewModel(name="ranker", owner="team", spec={"dataset": DATA}, policy={"four_eyes": False}))
    batch = FeatureBatch(features=[NewDense(name="age", kind="dense"), NewDense(name="noise", kind="dense")])
    assert winnow.register_features("ranker", batch).registered == 2
    winnow.import_features("ranker", "name,kind,dim\nclip,dense,4\n", content_type="text/csv")
    assert "clip,dense,4" in winnow.export_features("ranker", accept="text/csv")
    with pytest.raises(WinnowError) as none_active:
        winnow.active_list("ranker")
    assert none_active.value.kind == "no-active-list"
    home.finish(LIST)
    run = winnow.submit_for("ranker", {"training": {"seed": 3}}, priority=1)
    assert run.wait(every=0.05).model == "ranker"
    assert winnow.get_job_spec(run.id).training.seed == 3
    (proposed,) = winnow.list_prune_lists("ranker").prune_lists
    winnow.approve_prune_list("ranker", proposed.number)
    winnow.activate_prune_list("ranker", proposed.number, body={"reason": "tried"})
    active = winnow.active_list("ranker")
    assert isinstance(active, ActiveList)
    assert active.content == LIST
    assert winnow.active_list("ranker", active) is active
    assert (
        winnow.get_active_prune_list("ranker", accept="application/vnd.apache.arrow.stream")[:4] == b"\xff\xff\xff\xff"
    )
    assert winnow.get_feature("ranker", "noise").status == "pruned"
    version = winnow.get_model("ranker").version
    assert winnow.change_model("ranker", {"owner": "other"}, if_match=version).owner == "other"
    with pytest.raises(WinnowError, match="is not the current") as stale:
        winnow.change_model("ranker", {"owner": "third"}, if_match=version)
    assert stale.value.status == 412


def test_errors_name_field_value_and_remedy(winnow: Winnow) -> None:
    with pytest.raises(WinnowError) as refused:
        winnow.submit_job({**SPEC, "features": [{"name": "a", "kind": "dense", "dim": 300}]})
    assert (refused.value.status, refused.value.kind) == (422, "invalid-request")
    assert refused.value.errors[0]["field"] == "features.0.dim"
    assert "features.0.dim: give a number of at most 256 (got 300)" in str(refused.value)
    with pytest.raises(SpecError, match="dims: unknown key"):
        winnow.submit({**SPEC, "features": [{"name": "a", "kind": "dense", "dims": 3}]})
    with pytest.raises(WinnowError, match=r"there is no job 'a b\?c'"):
        winnow.get_job("a b?c")


def test_a_service_that_is_away_is_said_to_be(home: Home) -> None:
    with Winnow("http://127.0.0.1:9", patience=0.0) as winnow:
        for ask in (winnow.list_jobs, lambda: winnow.submit(SPEC)):
            with pytest.raises(WinnowError, match=r"no answer from http://127.0.0.1:9.*is the service up") as away:
                ask()
            assert (away.value.status, away.value.kind) == (0, "unreachable")
    for url in ("localhost:8080", "http://", "http://x:port", "ftp://x"):
        with pytest.raises(ValueError, match="is no address of a service"):
            Winnow(url)
    with pytest.raises(ValueError, match="no blanks"):
        Winnow(home.url, "a key")


def test_an_answer_of_something_else_is_said_to_be() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(404, text="<h1>nginx</h1>"))
    with (
        Winnow("http://x", transport=transport) as winnow,
        pytest.raises(WinnowError, match="not as Winnow does: <h1>"),
    ):
        winnow.list_jobs()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="<h1>hello</h1>"))
    with Winnow("http://x", transport=transport) as winnow, pytest.raises(WinnowError, match="of one version"):
        winnow.list_jobs()


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = Home(tmp_path)
    with own.in_thread():
        with connect(f"sqlite:///{tmp_path / 'winnow.db'}").begin() as session:
            made = keys.create(session, "reader", ["read"], datetime.now(UTC), by="test")
        monkeypatch.setenv("WINNOW_URL", own.url)
        monkeypatch.setenv("WINNOW_API_KEY", made.secret)
        with Winnow() as reader:
            assert reader.list_jobs().jobs == []
            with pytest.raises(WinnowError, match="has no scope 'submit'") as forbidden:
                reader.submit(SPEC)
            assert (forbidden.value.status, forbidden.value.kind) == (403, "scope-missing")
        with Winnow(key="wnw_wrong") as stranger:
            for ask in (stranger.list_jobs, lambda: next(stranger.events())):
                with pytest.raises(WinnowError, match="unknown, expired or revoked") as refused:
                    ask()
                assert (refused.value.status, refused.value.kind) == (401, "key-unknown")
        with Winnow(key="") as nobody, pytest.raises(WinnowError, match="no API key"):
            nobody.list_jobs()


class Losing(httpx.BaseTransport):
    """Passes requests on, and loses the first so many answers."""

    def __init__(self, lost: int) -> None:
        self.inner, self.lost, self.sent = httpx.HTTPTransport(), lost, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        self.sent += 1
        if self.sent <= self.lost:
            answer.close()
            raise httpx.ReadError("connection reset", request=request)
        return answer

    def close(self) -> None:
        self.inner.close()


def test_a_submission_whose_answer_was_lost_starts_no_second_job(home: Home, winnow: Winnow) -> None:
    losing = Losing(2)
    with Winnow(home.url, transport=losing) as unlucky:
        run = unlucky.submit({**SPEC, "name": "lost"})
    assert losing.sent == 3
    assert [job.id for job in winnow.list_jobs(name="lost").jobs] == [run.id]


def test_what_can_not_be_repeated_is_not(home: Home, winnow: Winnow) -> None:
    losing = Losing(1)
    with Winnow(home.url, transport=losing) as unlucky, pytest.raises(WinnowError, match="connection reset"):
        unlucky.submit_job({**SPEC, "name": "once"})
    assert losing.sent == 1
    assert len(winnow.list_jobs(name="once").jobs) == 1


@pytest.mark.parametrize(("method", "status", "times"), [("GET", 503, 2), ("POST", 503, 1), ("POST", 429, 2)])
def test_a_busy_service_is_asked_again_when_it_says_so(method: str, status: int, times: int) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        problem = {"type": "urn:winnow:busy", "detail": "too many"}
        return (
            httpx.Response(200, json="x")
            if asked == 2
            else httpx.Response(status, json=problem, headers={"Retry-After": "0"})
        )

    with Winnow("http://x", transport=httpx.MockTransport(answer)) as winnow:
        call: Call[str] = Call(method, "/v1/x", str)
        if times == 2:
            assert winnow.send(call) == '"x"'
        else:
            with pytest.raises(WinnowError, match="too many"):
                winnow.send(call)
    assert asked == times


def test_patience_ends() -> None:
    patience = Patience(1.0)
    pauses = [patience.pause(), patience.pause(), patience.pause()]
    assert all(pause is None or pause > 0 for pause in pauses)
    assert Patience(1.0).pause(httpx.Response(503, headers={"Retry-After": "1"})) in {1.0, None}
    assert Patience(1.0).pause(httpx.Response(503, headers={"Retry-After": "60"})) is None
    assert Patience(0.0).pause() is None


def test_a_service_that_is_killed_and_started_again_is_taken_up_where_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    process = home.process()
    events: list[Any] = []
    ended: list[Any] = []
    try:
        with Winnow(home.url) as winnow:
            run = winnow.submit(SPEC)
            reader = threading.Thread(target=lambda: events.extend(winnow.events(run.id)))
            waiter = threading.Thread(target=lambda: ended.append(run.wait(timeout=60, every=0.05)))
            reader.start()
            waiter.start()
            wait_until(lambda: run.job().state is JobState.SEARCHING)
            process.kill()
            process.wait()
            process = home.process()
            home.finish(LIST)
            reader.join(timeout=60)
            waiter.join(timeout=60)
            stored = winnow.list_job_events(run.id)
    finally:
        process.kill()
        process.wait()
    assert ended[0].state is JobState.SUCCEEDED
    assert ended[0].attempt == 1
    assert [event.number for event in events] == [event.number for event in stored]
    assert events[-1].data["to"] == "succeeded"


def test_a_spec_is_read_from_a_file(winnow: Winnow, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("name: file\ndataset: {train: a, validation: b, test: c}\nfeatures: [{name: age, kind: dense}]\n")
    spec: JobSpec = winnow.get_job_spec(winnow.submit(path).id)
    assert (spec.name, spec.dataset.train) == ("file", str(tmp_path / "a"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "https://127.8.8.8:9"])
@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_calls_to_this_machine_go_through_no_proxy(monkeypatch: pytest.MonkeyPatch, url: str, name: str) -> None:
    monkeypatch.setenv(name, "socks5://proxy.example:1080" if "all" in name.lower() else "http://proxy.example:3128")
    with Winnow(url, "wnw_secret") as winnow:
        target = winnow._http._transport_for_url(httpx.URL(f"{url}/v1/jobs"))
    assert target is winnow._http._transport
    assert httpx.AsyncClient(**settings(url, "wnw_secret"))._mounts == {}


def test_calls_elsewhere_go_through_the_environments_proxy_unless_it_is_excepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    for url, proxied in (("http://winnow.example", True), ("http://inside.example", False)):
        with Winnow(url, "wnw_secret") as winnow:
            target = winnow._http._transport_for_url(httpx.URL(f"{url}/v1/jobs"))
            assert (target is not winnow._http._transport) == proxied


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://proxy.example:1080")
    with pytest.raises(ValueError, match=r"^all_proxy: the proxy can't be used .*socksio.*give an http:// proxy"):
        Winnow("http://winnow.example")
