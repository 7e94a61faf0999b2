"""Published prune lists over HTTP: agreeing to them, serving the active one, taking it back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from service.api.etag import is_known
from service.api.negotiation import negotiate
from service.prune_lists.formats import arrow_of, csv_of
from service.store import jobs, proposals
from service.store.tables import Job
from tests.support.documents import prune_list
from tests.support.managed import MODEL, SPEC, Managed, content
from trainers.runs.prune_list import Leak, PruneList

URL = f"/v1/models/{MODEL}"
LIST = f"{URL}/prune-list"
ARROW = "application/vnd.apache.arrow.stream"
KEEP_A = {"a": "keep", "b": "prune"}


@pytest.fixture
def managed(tmp_path: Path, url: str) -> Iterator[Managed]:
    made = Managed(tmp_path / "home", url)
    yield made
    made.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    """One that only reads."""
    made = Managed(tmp_path_factory.mktemp("serving"))
    made.model("a", "b")
    serve(made, content(KEEP_A))
    yield made
    made.close()


def do(http: TestClient, number: int, what: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"{URL}/prune-lists/{number}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def serve(managed: Managed, found: Any) -> int:
    number = managed.succeed(found)
    do(managed.http, number, "approve")
    do(managed.http, number, "activate")
    return number


def test_a_feature_s_history_says_which_feature_carries_it(lite: Managed) -> None:
    lite.model("a", "b", "c")
    found = content({"a": "keep", "b": "prune", "c": "prune"})
    found["features"][0] |= {"copies": ["b"]}
    found["features"][1] |= {"why": "copy", "copies": ["a"]}
    number = serve(lite, PruneList.parse(found).with_id().document())
    reasons = {name: lite.http.get(f"{URL}/features/{name}").json()["history"][0]["reason"] for name in "abc"}
    active = f"prune list {number} became active"
    assert reasons == {"a": active, "b": f"{active}; a copy of 'a', which stays", "c": active}


def states(managed: Managed) -> dict[int, str]:
    listed = managed.http.get(f"{URL}/prune-lists").json()["prune_lists"]
    return {published["number"]: published["state"] for published in listed}


def test_a_list_is_proposed_approved_activated_and_served(managed: Managed) -> None:
    managed.model("a", "b", "later")
    found = content(KEEP_A)
    number = managed.succeed(found)
    assert managed.http.get(LIST).json()["type"] == "urn:winnow:no-active-list"
    assert do(managed.http, number, "approve", reason="fine")["reason"] == "fine"
    assert managed.statuses() == {"a": "candidate", "b": "candidate", "later": "candidate"}
    managed.http.post(f"{URL}/features", json={"features": [{"name": "new", "kind": "dense"}]})
    shown = do(managed.http, number, "activate", reason="go")
    assert (shown["state"], shown["activated_by"], shown["previous"]) == ("active", "local", None)
    assert managed.statuses() == {"a": "active", "b": "pruned", "later": "candidate", "new": "candidate"}
    assert managed.http.get(LIST).json() == found
    detail = managed.http.get(f"{URL}/prune-lists/{number}").json()
    assert (detail["content"], detail["list_id"], detail["submitted_by"]) == (found, found["id"], "submitter")
    history = managed.http.get(f"{URL}/features/b").json()["history"]
    assert history[0] == {
        "time": "2026-01-01T00:01:00Z",
        "before": "candidate",
        "after": "pruned",
        "reason": f"prune list {number} became active: go",
        "by": "local",
        "prune_list": number,
        "job_id": detail["job_id"],
        "score": 0.1,
    }
    assert [each.kind for each in managed.events("prune_list.*", "feature.status")] == [
        "prune_list.proposed",
        "prune_list.approved",
        "prune_list.active",
        "feature.status",
    ]
    told = managed.events("feature.status")[0]
    assert (told.model, told.job_id, told.data["by"]) == (MODEL, detail["job_id"], "local")
    assert told.data["changes"] == [
        {"feature": "a", "from": "candidate", "to": "active"},
        {"feature": "b", "from": "candidate", "to": "pruned"},
    ]


def test_essential_and_retired_features_are_above_lists(lite: Managed) -> None:
    lite.model("a", "b", "c", "d")
    for name, status in (("a", "essential"), ("b", "retired")):
        body = {"features": [name], "status": status, "reason": "so"}
        assert lite.http.post(f"{URL}/features/status", json=body).status_code == 200
    serve(lite, content({"a": "prune", "b": "prune", "c": "prune", "d": "keep", "unknown": "keep"}))
    assert lite.statuses() == {"a": "essential", "b": "retired", "c": "pruned", "d": "active"}


def test_the_next_list_supersedes_and_rollback_restores(managed: Managed) -> None:
    managed.model("a", "b", "c")
    first = serve(managed, content({"a": "keep", "b": "prune", "c": "keep"}))
    before = managed.statuses()
    second = serve(managed, content({"a": "prune", "b": "keep", "c": "keep"}))
    assert states(managed) == {first: "superseded", second: "active"}
    assert managed.statuses() == {"a": "pruned", "b": "active", "c": "active"}
    body = {"features": ["c"], "status": "essential", "reason": "needed"}
    managed.http.post(f"{URL}/features/status", json=body)
    answer = managed.http.post(f"{LIST}/rollback", json={"reason": "clicks fell"}).json()
    assert (answer["rolled_back"]["number"], answer["active"]["number"]) == (second, first)
    assert answer["active"]["ended_at"] is None
    assert states(managed) == {first: "active", second: "rolled_back"}
    assert managed.statuses() == {**before, "c": "essential"}
    last = managed.http.post(f"{LIST}/rollback").json()
    assert (last["rolled_back"]["number"], last["active"]) == (first, None)
    assert managed.statuses() == {"a": "candidate", "b": "candidate", "c": "essential"}
    assert managed.http.get(LIST).status_code == 404
    none = managed.http.post(f"{LIST}/rollback")
    assert (none.status_code, none.json()["type"]) == (409, "urn:winnow:no-active-list")


def test_a_rollback_of_what_one_did_not_see_is_refused(lite: Managed) -> None:
    lite.model("a", "b")
    serve(lite, content(KEEP_A))
    seen = lite.http.get(LIST).headers["ETag"]
    second = serve(lite, content({"a": "prune", "b": "keep"}))
    assert lite.http.post(f"{LIST}/rollback", headers={"If-Match": seen}).status_code == 412
    assert states(lite)[second] == "active"
    tag = lite.http.get(LIST, headers={"Accept": "text/csv"}).headers["ETag"]
    assert lite.http.post(f"{LIST}/rollback", headers={"If-Match": tag}).status_code == 200
    assert lite.http.post(f"{LIST}/rollback", headers={"If-Match": tag}).status_code == 412


@pytest.mark.parametrize(
    ("done", "refused"),
    [
        ([], ["activate"]),
        (["approve"], ["approve"]),
        (["reject"], ["approve", "reject", "activate"]),
        (["approve", "activate"], ["approve", "reject", "activate"]),
        (["approve", "reject"], ["approve", "reject", "activate"]),
    ],
)
def test_moves_out_of_order_are_conflicts(lite: Managed, done: list[str], refused: list[str]) -> None:
    lite.model("a", "b")
    number = lite.succeed(content(KEEP_A))
    for what in done:
        do(lite.http, number, what, reason="so")
    before = lite.http.get(f"{URL}/prune-lists/{number}").json(), lite.statuses(), len(lite.events())
    for what in refused:
        answer = lite.http.post(f"{URL}/prune-lists/{number}/{what}", json={"reason": "so"})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:winnow:list-state")
    assert (lite.http.get(f"{URL}/prune-lists/{number}").json(), lite.statuses(), len(lite.events())) == before


def test_who_submitted_the_job_cannot_approve_its_list(managed: Managed) -> None:
    managed.model("a", "b")
    number = managed.succeed(content(KEEP_A), by="alice")
    alice, bob = managed.key("alice", "submit", "approve"), managed.key("bob", "approve")
    reader, submitter = managed.key("carol", "read"), managed.key("dave", "submit")
    answer = alice.post(f"{URL}/prune-lists/{number}/approve")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:winnow:four-eyes")
    for http in (reader, submitter):
        for what in ("prune-lists/1/approve", "prune-lists/1/reject", "prune-lists/1/activate", "prune-list/rollback"):
            assert http.post(f"{URL}/{what}", json={"reason": "x"}).status_code == 403
    assert do(bob, number, "approve")["decided_by"] == "bob"
    assert do(alice, number, "activate")["activated_by"] == "alice"
    admin = managed.key("root", "admin")
    second = managed.succeed(content({"a": "prune"}), by="alice")
    admin.patch(URL, json={"policy": {"four_eyes": False}})
    assert do(alice, second, "approve")["decided_by"] == "alice"


def test_lists_of_other_models_are_not_there(lite: Managed) -> None:
    lite.model("a", "b")
    lite.model("a", name="other")
    number = serve(lite, content(KEEP_A))
    foreign = lite.key("foreign", "admin", model="other")
    paths = ("prune-list", "prune-lists", f"prune-lists/{number}", "prune-lists/active/diff/1", "features")
    for path in paths:
        assert foreign.get(f"{URL}/{path}").json()["type"] == "urn:winnow:model-not-found"
    for path in ("approve", "reject", "activate"):
        assert foreign.post(f"{URL}/prune-lists/{number}/{path}", json={"reason": "x"}).status_code == 404
        assert foreign.post(f"/v1/models/other/prune-lists/{number}/{path}", json={"reason": "x"}).status_code == 404
    assert foreign.post(f"{LIST}/rollback").status_code == 404
    assert foreign.get(f"/v1/models/other/prune-lists/{number}").json()["type"] == "urn:winnow:prune-list-not-found"


def test_a_list_that_the_guard_refused_needs_an_override_with_a_reason(lite: Managed) -> None:
    lite.model("a", "b", policy={"auto_approve": True, "auto_activate": True})
    number = lite.succeed(content(KEEP_A, passed=False))
    assert states(lite) == {number: "proposed"}
    url = f"{URL}/prune-lists/{number}/approve"
    for body in ({}, {"reason": "so"}, {"override_guard": False, "reason": "so"}):
        answer = lite.http.post(url, json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:winnow:guard-failed")
    for empty in ({"override_guard": True}, {"override_guard": True, "reason": ""}):
        assert lite.http.post(url, json=empty).status_code == 422
    assert do(lite.http, number, "approve", override_guard=True, reason="a known shift")["state"] == "approved"


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        ({}, "proposed"),
        ({"auto_activate": True}, "proposed"),
        ({"auto_approve": True}, "approved"),
        ({"auto_approve": True, "auto_activate": True}, "active"),
    ],
)
def test_a_policy_decides_where_the_guard_passed(lite: Managed, policy: dict[str, bool], state: str) -> None:
    lite.model("a", "b", policy=policy)
    number = lite.succeed(content(KEEP_A))
    found = lite.http.get(f"{URL}/prune-lists/{number}").json()
    assert (found["state"], found["decided_by"]) == (state, "policy" if state != "proposed" else None)
    assert lite.statuses()["b"] == ("pruned" if state == "active" else "candidate")
    refused = lite.succeed(content({"a": "prune"}, passed=False))
    assert states(lite)[refused] == "proposed"


def test_a_policy_approves_no_list_of_a_model_that_may_know_the_label(lite: Managed) -> None:
    lite.model("a", "b", policy={"auto_approve": True, "auto_activate": True})
    leak = Leak(feature="a", auc=1.0, message="feature 'a' knows the label")
    number = lite.succeed(prune_list(KEEP_A, leaks=(leak,)))
    assert states(lite) == {number: "proposed"}
    assert lite.http.get(f"{URL}/prune-lists/{number}").json()["content"]["leaks"][0]["feature"] == "a"
    assert do(lite.http, number, "approve")["state"] == "active"


def test_a_list_approved_by_hand_is_activated_where_the_policy_says_so(lite: Managed) -> None:
    lite.model("a", "b", policy={"auto_activate": True})
    number = lite.succeed(content(KEEP_A))
    assert do(lite.http, number, "approve")["state"] == "active"
    assert lite.statuses() == {"a": "active", "b": "pruned"}


def test_a_job_names_its_list_and_what_came_of_it(lite: Managed) -> None:
    lite.model("a", "b")
    number = lite.succeed(content(KEEP_A))
    job_id = lite.http.get(f"{URL}/prune-lists/{number}").json()["job_id"]
    features = [{"name": name, "kind": "dense"} for name in ("a", "b")]
    with lite.sessions.begin() as session:
        ended = {"state": "succeeded", "spec": {**SPEC, "name": "run", "features": features}}
        session.query(Job).filter_by(id=job_id).update(ended)
    revised = lite.http.post(f"{URL}/prune-lists/{number}/revisions", json={"keep": ["b"], "reason": "needed"})
    assert revised.status_code == 201, revised.text
    job = lite.http.get(f"/v1/jobs/{job_id}").json()
    assert job["prune_list"] == number, "not its revision's"
    assert lite.http.get(job["links"]["published_list"]).json()["job_id"] == job_id
    assert (job["outcome"]["features"], job["outcome"]["kept"]) == (2, 1)
    waiting = lite.http.post(f"{URL}/jobs", json={}).json()
    assert (waiting["prune_list"], waiting["outcome"], "published_list" in waiting["links"]) == (None, None, False)


def test_four_eyes_are_not_enforced_without_keys(lite: Managed) -> None:
    """All callers are `local`: nobody could ever approve."""
    lite.model("a", "b")
    number = lite.succeed(content(KEEP_A), by="local")
    assert do(lite.http, number, "approve")["state"] == "approved"


def test_a_job_of_no_model_proposes_nothing(lite: Managed) -> None:
    with lite.sessions.begin() as session:
        job = jobs.create(session, {"name": "x"}, lite.time)
        job.prune_list = content(KEEP_A)
        assert proposals.propose(session, job, lite.time) is None


def test_serving_polls_with_an_etag(managed: Managed) -> None:
    managed.model("a", "b")
    found = content(KEEP_A)
    serve(managed, found)
    first = managed.http.get(LIST)
    tag = first.headers["ETag"]
    assert tag == f'"{found["id"]}.json"'
    assert (first.headers["Vary"], first.headers["Cache-Control"]) == ("Accept", "private, no-cache")
    for known in (tag, f"W/{tag}", "*", f'"other", {tag}', f'W/"x",W/{tag}'):
        again = managed.http.get(LIST, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert (again.headers["Vary"], again.headers["Cache-Control"]) == ("Accept", "private, no-cache")
    for unknown in ('"other"', tag.strip('"'), "", f"{tag}x", '"*"', f'"{found["id"]}.csv"'):
        assert managed.http.get(LIST, headers={"If-None-Match": unknown}).status_code == 200
    serve(managed, content({"a": "prune"}))
    changed = managed.http.get(LIST, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
    managed.http.post(f"{LIST}/rollback")
    assert managed.http.get(LIST, headers={"If-None-Match": tag}).status_code == 304
    described = managed.http.get(LIST).headers["Link"].partition(">")[0].strip("<")
    assert managed.http.get(described).json()["list_id"] == found["id"]


def test_an_etag_hit_is_one_query_that_reads_no_content(lite: Managed) -> None:
    lite.model("a", "b")
    serve(lite, content(KEEP_A))
    tag = lite.http.get(LIST).headers["ETag"]
    asked: list[str] = []
    engine = lite.http.app.state.readers.kw["bind"]  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    assert lite.http.get(LIST, headers={"If-None-Match": tag}).status_code == 304
    about_lists = [statement for statement in asked if "prune_lists" in statement]
    assert len(about_lists) == 1
    assert "content" not in about_lists[0]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {about_lists[0]}", (MODEL, "active")).all()
    assert "active_list" in str(plan)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) <= 2  # and one for the key


def test_each_form_has_its_own_etag_and_says_the_same(lite: Managed) -> None:
    lite.model("a", "b")
    found = content({"a": "keep", 'odd, "name"\n': "prune"}, scores={"a": 0.1 + 0.2})
    serve(lite, found)
    answers = {form: lite.http.get(LIST, headers={"Accept": form}) for form in ("application/json", "text/csv", ARROW)}
    assert len({answer.headers["ETag"] for answer in answers.values()}) == 3
    for form, answer in answers.items():
        assert answer.headers["Content-Type"].partition(";")[0] == form
        tag = answer.headers["ETag"]
        assert lite.http.get(LIST, headers={"Accept": form, "If-None-Match": tag}).status_code == 304
        other = "text/csv" if form != "text/csv" else "application/json"
        assert lite.http.get(LIST, headers={"Accept": other, "If-None-Match": tag}).status_code == 200
    rows = list(csv.DictReader(io.StringIO(answers["text/csv"].text, newline="")))
    table = pa.ipc.open_stream(answers[ARROW].content).read_all()
    assert table.schema.metadata == {b"id": found["id"].encode()}
    features = [
        {**{key: value for key, value in each.items() if key != "details"}, "mean_gate": each["details"]["mean_gate"]}
        for each in found["features"]
    ]
    assert table.to_pylist() == [{**each, "kept_dims": None} for each in features]
    numbers = ("score", "divergence", "endurance", "mean_gate")
    assert [{**row, **{key: float(row[key]) for key in numbers}, "dim": 1} for row in rows] == [
        {**each, "kept_dims": ""} for each in features
    ]


def test_tables_have_the_dims_that_stay() -> None:
    whole = PruneList.parse(content(KEEP_A))
    clip = whole.features[0].model_copy(update={"dim": 4, "kept_dims": (0, 3)})
    found = whole.model_copy(update={"features": (clip, *whole.features[1:])})
    rows = list(csv.DictReader(io.StringIO(csv_of(found).decode(), newline="")))
    assert [(row["dim"], row["kept_dims"]) for row in rows] == [("4", "0 3"), ("1", "")]
    table = pa.ipc.open_stream(arrow_of(found)).read_all()
    assert table.column("kept_dims").to_pylist() == [[0, 3], None]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("text/*", "csv"),
        ("text/csv, application/json", "json"),
        ("text/csv, application/json;q=0.9", "csv"),
        ("text/csv;q=0.1, application/vnd.apache.arrow.stream;q=0.2", "arrow"),
        ("*/*;q=0.1, text/csv;q=0.5", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("application/*;q=0.2, application/json;q=0.1", "arrow"),
        ("TEXT/CSV ; Q=1.0", "csv"),
        ("text/csv;charset=utf-8", "csv"),
        ("text/csv;q=nonsense", "csv"),
        ("application/vnd.apache.arrow.stream, */*;q=0.001", "arrow"),
        ("image/png", None),
        ("*/*;q=0", None),
        ("application/json;q=0", None),
        ("text/html, application/xhtml+xml", None),
    ],
)
def test_the_form_is_chosen_by_accept(serving: Managed, accept: str | None, form: str | None) -> None:
    serving.http.headers.pop("Accept", None)
    answer = serving.http.get(LIST, headers={} if accept is None else {"Accept": accept})
    if form is None:
        assert (answer.status_code, answer.json()["type"]) == (406, "urn:winnow:not-acceptable")
    else:
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{content(KEEP_A)["id"]}.{form}"')


def test_headers_in_several_lines_are_one_list() -> None:
    assert is_known(['"a"', '"b"'], '"b"')
    assert is_known(['"a,b"'], '"a,b"')
    assert not is_known(['"a', 'b"'], '"b"')
    assert not is_known(None, '"a"')
    assert negotiate(["text/csv;q=0.2", "application/json;q=0.1"], ("application/json", "text/csv")) == "text/csv"


def test_two_lists_are_compared(lite: Managed) -> None:
    lite.model("a", "b", "c", "d", "e")
    first = serve(lite, content({"a": "keep", "b": "prune", "c": "keep", "d": "keep"}))
    second = lite.succeed(content({"a": "prune", "b": "keep", "c": "keep", "e": "keep"}, scores={"c": 0.8}))
    answer = lite.http.get(f"{URL}/prune-lists/active/diff/{second}").json()
    assert answer == lite.http.get(f"{URL}/prune-lists/{first}/diff/{second}").json()
    assert (answer["a"]["number"], answer["b"]["number"]) == (first, second)
    assert (answer["no_longer_served"], answer["newly_served"]) == (["a", "d"], ["b", "e"])
    assert (answer["newly_pruned"], answer["newly_kept"]) == (["a"], ["b"])
    assert (answer["only_in_a"], answer["only_in_b"]) == (["d"], ["e"])
    assert {each["feature"]: round(each["change"], 9) for each in answer["scores"]} == {"a": -0.8, "b": 0.8, "c": -0.1}
    assert answer["scores"][-1]["feature"] == "c"
    assert answer["a"]["totals"]["features"] == answer["b"]["totals"]["features"] == 3
    assert set(answer["totals"].values()) == {0}
    assert lite.http.get(f"{URL}/prune-lists/{first}/diff/999").status_code == 404
    for odd in ("0", "x", "-1", "1" * 30, "%00"):
        assert lite.http.get(f"{URL}/prune-lists/{odd}/diff/active").status_code == 422


def test_lists_are_listed_by_pages_and_state(lite: Managed) -> None:
    lite.model("a", "b")
    names = [f"new_{place}" for place in range(5)]
    numbers = [lite.succeed(content({**KEEP_A, name: "keep"})) for name in names]
    do(lite.http, numbers[0], "approve")
    seen, cursor = [], None
    while True:
        page = lite.http.get(f"{URL}/prune-lists", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [published["number"] for published in page["prune_lists"]]
        for published in page["prune_lists"]:
            whole = lite.http.get(f"{URL}/prune-lists/{published['number']}").json()["content"]
            assert published["after"].items() <= whole["after"].items()
            assert published["before"]["dims"] == whole["before"]["dims"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == numbers[::-1]
    found = lite.http.get(f"{URL}/prune-lists", params={"state": ["approved", "active"]}).json()["prune_lists"]
    assert [published["number"] for published in found] == numbers[:1]


def test_activations_at_once_leave_one_active_list(managed: Managed) -> None:
    """Two replicas of the service, and every approved list activated at the same moment."""
    managed.model("a", "b", "c")
    decisions = [{"a": "keep", "b": "prune"}, {"a": "prune", "b": "keep"}, {"c": "prune"}, {"c": "keep", "a": "prune"}]
    numbers = [managed.succeed(content(each)) for each in decisions]
    for number in numbers:
        do(managed.http, number, "approve")
    barrier = Barrier(len(numbers), timeout=60)

    def activate(number: int) -> int:
        with managed.client() as http:
            barrier.wait()
            return http.post(f"{URL}/prune-lists/{number}/activate").status_code

    with ThreadPoolExecutor(len(numbers)) as pool:
        assert list(pool.map(activate, numbers)) == [200] * len(numbers)
    found = {each["number"]: each for each in managed.http.get(f"{URL}/prune-lists").json()["prune_lists"]}
    active = [number for number, each in found.items() if each["state"] == "active"]
    assert len(active) == 1
    chain = [active[0]]
    while found[chain[-1]]["previous"] is not None:
        chain.append(found[chain[-1]]["previous"])
    assert sorted(chain) == numbers
    for number in chain:
        assert managed.http.post(f"{LIST}/rollback").json()["rolled_back"]["number"] == number
    assert set(managed.statuses().values()) == {"candidate"}


def test_one_list_activated_twice_at_once_is_activated_once(managed: Managed) -> None:
    managed.model("a", "b")
    number = managed.succeed(content(KEEP_A))
    do(managed.http, number, "approve")
    barrier = Barrier(4, timeout=60)

    def activate(_: int) -> int:
        with managed.client() as http:
            barrier.wait()
            return http.post(f"{URL}/prune-lists/{number}/activate").status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(activate, range(4))) == [200, 409, 409, 409]
    assert len(managed.events("prune_list.active")) == 1
