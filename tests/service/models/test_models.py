"""Models under management over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.core.job_state import JobState
from service.jobs.compose import compose
from service.store import jobs, keys, models
from service.store.tables import ApiKey, Job
from tests.support.managed import MODEL, SPEC, Managed, content

URL = f"/v1/models/{MODEL}"


@pytest.fixture
def managed(tmp_path: Path, url: str) -> Iterator[Managed]:
    made = Managed(tmp_path / "home", url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    """One for requests that change nothing."""
    made = Managed(tmp_path_factory.mktemp("shared"))
    made.model("a")
    yield made
    made.close()


def test_a_model_is_made_read_changed_and_forgotten(managed: Managed) -> None:
    body = {"name": MODEL, "owner": "team", "spec": {"training": {"epochs": 2}, "prune": {"threshold": 0.4}}}
    made = managed.http.post("/v1/models", json=body)
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (201, URL, '"1"')
    assert managed.http.get(URL).json() == made.json()
    assert made.json() == {
        **body,
        "description": "",
        "policy": {"auto_approve": False, "auto_activate": False, "four_eyes": True},
        "retention": {"runs_days": None, "events_days": None, "keep_last": 10},
        "retention_in_force": {"runs_days": 90.0, "events_days": 90.0},
        "features": {},
        "version": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    again = managed.http.post("/v1/models", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:winnow:model-exists")
    change = {"spec": {"training": None, "prune": {"threshold": 0.6}}, "policy": {"auto_approve": True}}
    changed = managed.http.patch(URL, json=change, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["spec"] == {"prune": {"threshold": 0.6}}
    assert changed.json()["policy"] == {"auto_approve": True, "auto_activate": False, "four_eyes": True}
    stale = managed.http.patch(URL, json={"owner": "other"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:winnow:stale")
    same = managed.http.patch(URL, json={"owner": "team"})
    assert (same.headers["ETag"], same.json()["owner"]) == ('"2"', "team")
    assert managed.http.delete(URL, headers={"If-Match": '"1"'}).status_code == 412
    assert managed.http.delete(URL, headers={"If-Match": '"2"'}).status_code == 204
    assert managed.http.get(URL).json()["type"] == "urn:winnow:model-not-found"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"selctor": {}}, "spec.selctor"),
        ({"training": {"epochs": 0}}, "spec.training.epochs"),
        ({"model": {"dropout": 3}}, "spec.model.dropout"),
        ({"model": {"backbone": "mlp", "rank": 3}}, "spec.model.rank"),
        ({"dataset": {"label": 3}}, "spec.dataset.label"),
        ({"dataset": 3}, "spec.dataset"),
        ({"dataset": {"train": "/t", "validation": "/v", "test": None}}, "spec.dataset"),
        ({"prune": {"rule": "top_k"}}, "spec.prune"),
        ({"prune": {"delta": float("inf")}}, "spec.prune.delta"),
        ({"dataset": {"label": "a\0"}}, "spec.dataset.label"),
        ({"name": "x"}, "spec.name"),
        ({"features": []}, "spec.features"),
        ({"essential": ["a"]}, "spec.essential"),
        ({"selector": {"update": "progressive"}, "training": {"epochs": 4}}, "spec"),
    ],
)
def test_a_spec_that_no_job_could_begin_with_is_refused(shared: Managed, spec: Any, field: str) -> None:
    for method, path, body in (
        ("POST", "", {"name": "x", "owner": "me", "spec": spec}),
        ("PATCH", f"/{MODEL}", {"spec": spec}),
    ):
        sent = json.dumps(body).replace("Infinity", "1e999")
        answer = shared.http.request(
            method, f"/v1/models{path}", content=sent, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field
    assert [model["name"] for model in shared.http.get("/v1/models").json()["models"]] == [MODEL]
    assert shared.http.get(URL).json()["version"] == 1


@pytest.mark.parametrize(
    "spec", [{}, SPEC, {"dataset": {"label": "clicked"}}, {"dataset": {"train": "/t"}}, {"dataset": {"splits": {}}}]
)
def test_a_spec_may_leave_things_to_overrides(shared: Managed, spec: Any) -> None:
    made = shared.http.post("/v1/models", json={"name": "partial", "owner": "me", "spec": spec})
    assert made.status_code == 201, made.text
    assert shared.http.delete("/v1/models/partial").status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "", "owner": "me"},
        {"name": "../x", "owner": "me"},
        {"name": "x" * 201, "owner": "me"},
        {"name": "x", "owner": ""},
        {"name": "x", "owner": "a\0"},
        {"name": "x", "owner": "me", "description": "\0"},
        {"name": "x", "owner": "me", "policy": {"auto": True}},
        {"name": "x", "owner": "me", "retention": {"runs_days": 0}},
        {"name": "x", "owner": "me", "version": 3},
        {"name": "x", "owner": "me", "spec": {"dataset": {"train": "relative"}}},
        {"name": "x", "owner": "me", "spec": {"output": "file:///etc"}},
    ],
)
def test_a_bad_model_is_refused(shared: Managed, body: Any) -> None:
    answer = shared.http.post("/v1/models", json=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    patch = {key: value for key, value in body.items() if key != "name"}
    assert "name" not in body or not patch or len(body) == 2 or shared.http.patch(URL, json=patch).status_code == 422


def test_a_body_nested_hundreds_deep_is_answered(shared: Managed) -> None:
    for depth in (200, 900, 5000):
        deep = '{"spec": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
        answer = shared.http.patch(URL, content=deep, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}


def test_what_must_be_there_cannot_be_taken_out(shared: Managed) -> None:
    answer = shared.http.patch(URL, json={"owner": None})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "owner")


def test_models_are_listed_by_pages_owner_and_name(managed: Managed) -> None:
    for name, owner in (("a1", "x"), ("a2", "y"), ("b1", "x"), ("A3", "x")):
        managed.model(name=name, owner=owner)
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = managed.http.get("/v1/models", params={"limit": 3, "cursor": page["next"]}).json()
        seen += [model["name"] for model in page["models"]]
    assert sorted(seen) == ["A3", "a1", "a2", "b1"]
    by = {"owner": "x", "name": "a"}
    assert [model["name"] for model in managed.http.get("/v1/models", params=by).json()["models"]] == ["a1"]
    assert managed.http.get("/v1/models", params={"name": "%"}).json()["models"] == []


def test_a_model_in_use_stays_and_one_forgotten_leaves_its_jobs(managed: Managed) -> None:
    managed.model("a")
    number = managed.succeed(content({"a": "prune"}))
    with managed.sessions.begin() as session:
        job = session.query(Job).one()
        secret = keys.create(session, "k", ["admin"], managed.time, by="test", model=MODEL).secret
        keys.create(session, "root", ["admin"], managed.time, by="test")
        job_id = job.id
    admin = managed.key("admin", "admin")
    answer = admin.delete(URL)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:winnow:model-in-use")
    with managed.sessions.begin() as session:
        jobs.move(session, session.query(Job).one(), JobState.CANCELLED, managed.time)
    assert admin.delete(URL).status_code == 204
    assert admin.get(f"/v1/jobs/{job_id}").json()["model"] is None
    assert admin.get(f"{URL}/prune-lists/{number}").status_code == 404
    assert admin.post("/v1/models", json={"name": MODEL, "owner": "new"}).status_code == 201
    assert managed.client(secret).get(URL).status_code == 401
    with managed.sessions() as session:
        assert session.query(ApiKey).filter_by(name="k").one().revoked_at is not None
        assert models.features(session, MODEL) == []


def test_a_key_of_one_model_has_that_one_alone(managed: Managed) -> None:
    managed.model("a")
    managed.model("a", name="other")
    own = managed.key("own", "admin", model=MODEL)
    assert [model["name"] for model in own.get("/v1/models").json()["models"]] == [MODEL]
    assert own.patch(URL, json={"owner": "me"}).status_code == 200
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        answer = own.request(method, "/v1/models/other", json=body)
        assert answer.json()["type"] == own.get("/v1/models/none").json()["type"] == "urn:winnow:model-not-found"
    refused = own.post("/v1/models", json={"name": "third", "owner": "me"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:winnow:key-of-one-model")
    assert own.delete(URL).status_code == 403
    for scope in ("read", "submit", "approve"):
        http = managed.key(scope, scope)
        assert http.get(URL).status_code == 200
        assert http.patch(URL, json={}).status_code == 403
        assert http.delete(URL).status_code == 403
        assert http.post("/v1/models", json={"name": "third", "owner": "me"}).status_code == 403


def test_a_job_is_composed_of_the_model(managed: Managed) -> None:
    managed.model("a", "b", "c", "d")
    for name, status in (("a", "essential"), ("b", "retired"), ("c", "active")):
        body = {"features": [name], "status": status, "reason": "so"}
        assert managed.http.post(f"{URL}/features/status", json=body).status_code == 200
    with managed.sessions() as session:
        model = models.find(session, MODEL)
        assert model is not None
        spec = compose(session, model, {"training": {"epochs": 1}})
    assert [(feature.name, feature.status) for feature in spec.features] == [
        ("a", "essential"),
        ("c", "active"),
        ("d", "candidate"),
    ]
    assert (spec.name, spec.training.epochs, spec.dataset.train) == (MODEL, 1, "/data/train")


def test_odd_names_are_not_there(managed: Managed) -> None:
    for name in ("%00", "%ED%A0%80", "%FF", "a%2Fb", "x" * 300):
        for path in ("", "/features", "/prune-list", "/feature-export"):
            assert managed.http.get(f"/v1/models/{name}{path}").status_code == 404
