"""Bodies of requests: their type, their size, where they are checked, and what is sent back of what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from service.core.errors import SHOWN_ERRORS, shortened, shown_value
from tests.support.managed import MODEL, Managed
from trainers.spec import job as job_spec

DATASET = {"train": "/d/a", "validation": "/d/b", "test": "/d/c"}
MOST = 2**20


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    made = Managed(tmp_path_factory.mktemp("home"), max_body_bytes=MOST)
    made.model("a")
    yield made
    made.close()


def spec(features: int, **changes: Any) -> dict[str, Any]:
    return {"dataset": DATASET, "features": [{"name": f"f{at}", "kind": "dense"} for at in range(features)], **changes}


@pytest.mark.parametrize("given", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
@pytest.mark.parametrize(
    "path", ["/v1/jobs", f"/v1/models/{MODEL}/features", f"/v1/models/{MODEL}/prune-list/rollback"]
)
def test_a_body_of_another_type_says_what_to_send(lite: Managed, path: str, given: str) -> None:
    answer = lite.http.post(path, content=b'{"name": "a"}', headers={"Content-Type": given} if given else {})
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:winnow:unsupported-form")
    assert "send `Content-Type: application/json`" in answer.json()["detail"]


def test_json_of_any_name_is_taken_and_no_body_needs_a_type(lite: Managed) -> None:
    for kind in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = lite.http.patch(f"/v1/models/{MODEL}", content=b'{"owner": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 200
    assert lite.http.post(f"/v1/models/{MODEL}/prune-list/rollback").status_code == 409


@pytest.mark.parametrize("told", [True, False], ids=["told", "in chunks"])
def test_a_body_that_is_too_large_is_refused(lite: Managed, told: bool) -> None:
    content = b'{"name":"' + b"a" * MOST + b'"}'
    parts = content if told else iter([content[: MOST // 2], content[MOST // 2 :]])
    answer = lite.http.post("/v1/jobs", content=parts, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:winnow:body-too-large")
    assert "1,048,576 bytes" in answer.json()["detail"]


def test_a_large_body_is_checked_beside_the_event_loop(lite: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones are checked where they are: that costs less than a thread."""
    seen, read = [], job_spec.read_old_keys

    def reading(raw: Any) -> Any:
        seen.append(threading.current_thread().name)
        return read(raw)

    monkeypatch.setattr(job_spec, "read_old_keys", reading)
    assert lite.http.post("/v1/jobs", json=spec(10)).status_code == 202
    small = set(seen)
    seen.clear()
    made = lite.http.post("/v1/jobs", json=spec(5000))
    assert made.status_code == 202, made.text
    assert seen
    assert small.isdisjoint(seen)
    assert len(lite.http.get(f"/v1/jobs/{made.json()['id']}/spec").json()["features"]) == 5000


@pytest.mark.parametrize("features", [10, 5000], ids=["small", "large"])
def test_errors_of_large_and_small_bodies_are_the_same(lite: Managed, features: int) -> None:
    answer = lite.http.post("/v1/jobs", json=spec(features, training={"epochs": "many"}))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["value"]) == ("training.epochs", "many")
    broken = lite.http.post(
        "/v1/jobs", content=b"[" + b" " * features * 20, headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 422


def test_what_is_refused_is_cut(lite: Managed) -> None:
    answer = lite.http.post("/v1/jobs", json=spec(1, name="?" * 900_000))
    assert answer.status_code == 422
    assert len(answer.content) < 2000
    assert answer.json()["errors"][0]["value"] == "?" * 200 + "… (900,000 characters)"
    answer = lite.http.post("/v1/jobs", json={**spec(1), "k" * 900_000: 1})
    assert len(answer.content) < 2000
    many = [{"name": "?", "kind": "dense"}] * 1000
    answer = lite.http.post(f"/v1/models/{MODEL}/features", json={"features": many})
    assert len(answer.json()["errors"]) == SHOWN_ERRORS
    assert "of which the first 100 are named" in answer.json()["detail"]


def test_values_in_short() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… (4 characters)"
    assert shown_value(2**1024) == "an integer of 1025 bits"
    assert shown_value(-5) == -5
    assert shown_value([1]) is None


@pytest.mark.parametrize("features", [1, 3000])
def test_a_key_that_stands_twice_is_refused(lite: Managed, features: int) -> None:
    """Small bodies and large ones, of every route with a body: the second of two values isn't taken silently."""
    text = json.dumps(spec(features, training={"epochs": 1})).replace('"epochs": 1', '"epochs": 1, "epochs": 2')
    for path, body in (
        ("/v1/jobs", text),
        (f"/v1/models/{MODEL}/features", '{"features": [{"name": "b", "kind": "dense", "dim": 1, "dim": 2}]}'),
        (f"/v1/models/{MODEL}/features/import", '{"features": [], "features": []}'),
        (f"/v1/models/{MODEL}/triggers", '{"when": {"kind": "manual"}, "dry_run": true, "dry_run": false}'),
    ):
        answer = lite.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert "stands in this object twice; keep one of the two" in answer.json()["detail"], path
    answer = lite.http.post("/v1/jobs", content=text, headers={"Content-Type": "application/json"})
    assert answer.json()["type"] == "urn:winnow:repeated-key"
    assert answer.json()["detail"].startswith("body: training: key 'epochs' stands in this object twice")
