"""What a schedule or a trigger lays over its model's spec is checked when it is made or changed, not when it is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.store.tables import Trigger
from tests.support.managed import Managed

URL = "/v1/models/ranker"
TRIGGER = {"when": {"kind": "manual"}}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Managed]:
    found = Managed(tmp_path / "home")
    found.model("a", "b")
    yield found
    found.close()


def body_of(kind: str, overrides: Any) -> dict[str, Any]:
    own = {"name": "nightly", "cron": "0 3 * * *"} if kind == "schedules" else TRIGGER
    return {**own, "overrides": overrides}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"trainin": {"epochs": 1}}, "overrides.trainin: unknown key"),
    ({"training": {"epochs": 0}}, "overrides.training.epochs: give a number of at least 1"),
    ({"dataset": None}, "overrides.dataset: required, and missing"),
    ({"dataset": {"test": None}}, "overrides.dataset: give either both `validation` and `test`, or `splits`"),
    ({"dataset": {"train": "/d/{date}"}}, "overrides.dataset.train: {date} is filled with nothing"),
    ({"dataset": {"train": "/d/{partition}/{hour}"}}, "overrides.dataset.train: {hour} is filled with nothing"),
    ({"output": "runs"}, "output: 'runs' is a relative path"),
    ({"prune": {"guard": {"metric": "gauc"}}}, "prune.guard.metric: gauc needs groups"),
    ({"prune": {"rule": "top_k", "top_k": 3}}, "prune.top_k: 3 of 2 features"),
    ({"dataset": {"label": "a"}}, "feature 'a': column 'a' is dataset.label"),
]


def told(answer: Any) -> str:
    content = answer.json()
    lines = [f"{error['field']}: {error['message']}" for error in content["errors"]]
    return "\n".join([content["detail"], *lines])


@pytest.mark.parametrize("kind", ["schedules", "triggers"])
def test_overrides_that_can_never_run_are_refused(made: Managed, kind: str) -> None:
    http = made.http
    for overrides, words in REFUSED:
        answer = http.post(f"{URL}/{kind}", json=body_of(kind, overrides))
        assert (answer.status_code, words in told(answer)) == (422, True), (overrides, answer.text)
    assert http.get(f"{URL}/{kind}").json()[kind] == []
    good = {"dataset": {"train": "/d/{partition}"}, "training": {"epochs": 2}}
    answer = http.post(f"{URL}/{kind}", json=body_of(kind, good))
    assert answer.status_code == 201, answer.text
    one = f"{URL}/{kind}/{answer.json()['id']}"
    for overrides, words in REFUSED:
        answer = http.patch(one, json={"overrides": overrides})
        assert (answer.status_code, words in told(answer)) == (422, True), (overrides, answer.text)
    assert http.get(one).json()["overrides"] == good
    assert http.patch(one, json={"overrides": None}).json()["overrides"] == {}


@pytest.mark.parametrize("kind", ["schedules", "triggers"])
def test_a_model_whose_data_comes_with_the_overrides(made: Managed, kind: str) -> None:
    made.model(name="bare", spec={})
    url = f"/v1/models/bare/{kind}"
    assert made.http.post(url, json=body_of(kind, {})).status_code == 422
    whole = {"dataset": {"train": "/d/{partition}", "splits": {}}}
    answer = made.http.post(url, json=body_of(kind, whole))
    assert answer.status_code == 201, answer.text
    assert made.http.patch(f"{url}/{answer.json()['id']}", json={"overrides": None}).status_code == 422


def test_a_partition_is_a_day_of_a_schedule_and_a_place_of_a_trigger(made: Managed) -> None:
    overrides = {"dataset": {"train": "{partition}"}}
    answer = made.http.post(f"{URL}/schedules", json=body_of("schedules", overrides))
    assert "dataset.train: '2026-01-01' is a relative path" in told(answer)
    for when in ({"kind": "manual"}, {"kind": "freshness", "pattern": "/d/dt=*"}):
        answer = made.http.post(f"{URL}/triggers", json={"when": when, "overrides": overrides})
        assert answer.status_code == 201, answer.text


def test_an_end_that_has_passed_is_refused(made: Managed) -> None:
    past, later = "2025-12-31T23:59:59Z", "2026-06-01T00:00:00Z"
    answer = made.http.post(f"{URL}/schedules", json={**body_of("schedules", {}), "end_at": past})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "end_at")
    made_one = made.http.post(f"{URL}/schedules", json={**body_of("schedules", {}), "end_at": later})
    one = f"{URL}/schedules/{made_one.json()['id']}"
    assert made.http.patch(one, json={"end_at": past}).status_code == 422
    assert made.http.patch(one, json={"end_at": None}).status_code == 200


def test_a_spec_that_breaks_what_starts_jobs_is_refused(made: Managed) -> None:
    """Each schedule and trigger is named with the reason; what doesn't start jobs is checked when it is to again."""
    http = made.http
    assert http.patch(URL, json={"spec": {"dataset": {"group": "user"}}}).status_code == 200
    by_group = {"prune": {"guard": {"metric": "gauc"}}}
    schedule = http.post(f"{URL}/schedules", json=body_of("schedules", by_group)).json()
    trigger = http.post(f"{URL}/triggers", json=body_of("triggers", by_group)).json()
    other = http.post(f"{URL}/triggers", json=body_of("triggers", {"training": {"epochs": 2}})).json()
    without = {"spec": {"dataset": {"group": None}}}

    refused = http.patch(URL, json=without)
    assert refused.status_code == 422, refused.text
    first, second = refused.json()["errors"]
    assert (first["field"], second["field"]) == ("spec", "spec")
    assert (
        f"schedule 'nightly' ({schedule['id']}) could run no job: overrides: prune.guard.metric: gauc"
        in first["message"]
    )
    assert "change its overrides, or pause it, first" in first["message"]
    assert f"trigger {trigger['id']} could run no job" in second["message"]
    assert other["id"] not in refused.text
    assert http.get(URL).json()["spec"]["dataset"]["group"] == "user"
    assert http.patch(URL, json={"spec": {"training": {"epochs": 3}}, "owner": "b"}).status_code == 200

    of_schedule, of_trigger = f"{URL}/schedules/{schedule['id']}", f"{URL}/triggers/{trigger['id']}"
    assert http.post(f"{of_schedule}/pause").status_code == 200
    assert http.patch(of_trigger, json={"enabled": False}).status_code == 200
    assert http.patch(URL, json=without).status_code == 200
    resumed, enabled = http.post(f"{of_schedule}/resume"), http.patch(of_trigger, json={"enabled": True})
    for answer in (resumed, enabled):
        assert (answer.status_code, "gauc needs groups" in told(answer)) == (422, True), answer.text
    assert http.get(of_schedule).json()["paused"]
    assert not http.get(of_trigger).json()["enabled"]
    for one in (of_schedule, of_trigger):
        assert http.patch(one, json={"overrides": None}).status_code == 200
    assert http.post(f"{of_schedule}/resume").json()["paused"] is False
    assert http.patch(of_trigger, json={"enabled": True}).json()["enabled"] is True


def test_what_could_run_no_job_before_holds_up_no_change(made: Managed) -> None:
    trigger = made.http.post(f"{URL}/triggers", json=body_of("triggers", {})).json()
    with made.sessions.begin() as session:  # as a service before these checks took it
        session.query(Trigger).filter_by(id=trigger["id"]).update({"overrides": {"training": {"epochs": 0}}})
    assert made.http.patch(URL, json={"spec": {"training": {"seed": 3}}}).status_code == 200
