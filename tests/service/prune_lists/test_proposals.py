"""Which lists are proposed, and which of them the policy approves by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.store.tables import Job
from tests.support.managed import MODEL, Managed, content

URL = f"/v1/models/{MODEL}"
KEEP_A = {"a": "keep", "b": "prune"}
AUTOMATIC = {"auto_approve": True, "auto_activate": True}


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home")
    yield made
    made.close()


def act(lite: Managed, what: str, **body: Any) -> None:
    answer = lite.http.post(f"{URL}/{what}", json={"reason": "so", **body})
    assert answer.status_code == 200, answer.text


def states(lite: Managed) -> dict[int, str]:
    listed = lite.http.get(f"{URL}/prune-lists").json()["prune_lists"]
    return {published["number"]: published["state"] for published in listed}


def alerts(lite: Managed) -> list[str]:
    return [alert["kind"] for alert in lite.http.get("/v1/overview").json()["alerts"]]


def newest_reason(lite: Managed) -> str | None:
    with lite.sessions() as session:
        reason: str | None = session.query(Job).order_by(Job.number.desc()).first().reason  # type: ignore[union-attr]
    return reason


def test_a_list_that_prunes_nothing_is_not_proposed_and_raises_no_alert(lite: Managed) -> None:
    lite.model("a", "b")
    assert lite.end(content({"a": "keep", "b": "keep"}, passed=False)) is None
    assert (states(lite), alerts(lite)) == ({}, [])
    assert str(newest_reason(lite)).endswith("no list is proposed: it would change nothing")
    (told,) = lite.events("prune_list.*")
    assert (told.kind, told.data["verdict"]) == ("prune_list.not_proposed", "failed")


def test_a_list_of_what_is_served_already_is_not_proposed(lite: Managed) -> None:
    lite.model("a", "b", policy=AUTOMATIC)
    lite.succeed(content(KEEP_A))
    assert lite.end(content({"a": "keep"})) is None, "b was pruned and isn't in the job any more"
    assert lite.end(content({"a": "prune"})) is not None
    lite.http.post(f"{URL}/features", json={"features": [{"name": "c", "kind": "dense"}]})
    assert lite.end(content({"a": "keep", "c": "keep"})) is not None, "c is served from then on"


def test_a_list_that_waits_is_not_proposed_again(lite: Managed) -> None:
    lite.model("a", "b")
    number = lite.succeed(content(KEEP_A, scores={"a": 0.8}))
    assert lite.end(content(KEEP_A, scores={"a": 0.7})) is None
    assert str(newest_reason(lite)).endswith(f"prune list {number} decides the same and is proposed")
    act(lite, f"prune-lists/{number}/approve")
    assert lite.end(content(KEEP_A)) is None
    act(lite, f"prune-lists/{number}/reject")
    assert lite.end(content(KEEP_A)) is not None


def test_a_pass_is_proposed_beside_the_same_list_without_one(lite: Managed) -> None:
    lite.model("a", "b", policy=AUTOMATIC)
    waiting = lite.succeed(content(KEEP_A, verdict="inconclusive"))
    assert lite.end(content(KEEP_A, passed=False)) is None
    passed = lite.succeed(content(KEEP_A))
    assert states(lite) == {waiting: "proposed", passed: "active"}


def test_an_inconclusive_list_waits_for_someone_without_an_alert(lite: Managed) -> None:
    lite.model("a", "b", policy=AUTOMATIC)
    number = lite.succeed(content(KEEP_A, verdict="inconclusive"))
    assert (states(lite), alerts(lite)) == ({number: "proposed"}, [])
    shown = lite.http.get(f"{URL}/prune-lists/{number}").json()
    assert (shown["verdict"], shown["guard_passed"]) == ("inconclusive", False)
    act(lite, f"prune-lists/{number}/approve")
    assert states(lite) == {number: "approved"}, "it is activated by someone as well"


def test_a_list_with_a_fall_of_another_metric_waits_for_someone(lite: Managed) -> None:
    lite.model("a", "b", policy=AUTOMATIC)
    number = lite.succeed(content(KEEP_A, banner="gauc is 0.01500 worse"))
    assert states(lite) == {number: "proposed"}


def test_what_was_rolled_back_is_not_activated_again_by_itself(lite: Managed) -> None:
    lite.model("a", "b", "c", policy=AUTOMATIC)
    first = lite.succeed(content({"a": "keep", "b": "prune", "c": "keep"}))
    act(lite, "prune-list/rollback")
    same = lite.succeed(content({"a": "keep", "b": "prune", "c": "keep"}))
    more = lite.succeed(content({"a": "keep", "b": "prune", "c": "prune"}))
    assert states(lite) == {first: "rolled_back", same: "proposed", more: "proposed"}
    other = lite.succeed(content({"a": "keep", "b": "keep", "c": "prune"}))
    assert states(lite)[other] == "active", "nobody took that back"
    act(lite, f"prune-lists/{same}/approve")
    assert states(lite)[same] == "active", "someone decided"
    assert lite.statuses() == {"a": "active", "b": "pruned", "c": "active"}


def test_what_was_rejected_is_not_approved_by_itself(lite: Managed) -> None:
    lite.model("a", "b")
    first = lite.succeed(content(KEEP_A))
    act(lite, f"prune-lists/{first}/reject")
    lite.http.patch(URL, json={"policy": AUTOMATIC})
    second = lite.succeed(content(KEEP_A))
    assert states(lite) == {first: "rejected", second: "proposed"}
