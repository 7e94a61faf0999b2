"""Lists whose decisions a person changed, and the jobs that measure them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.store import jobs, proposals
from service.store.tables import Job
from tests.support.documents import prune_list, totals
from tests.support.managed import MODEL, SPEC, Managed
from trainers.pruning.ranking import RankedFeature
from trainers.pruning.revision import revise
from trainers.pruning.rules import decide
from trainers.runs.prune_list import PruneList
from trainers.spec import parse_spec

FEATURES: list[dict[str, Any]] = [
    {"name": "age", "kind": "dense", "dim": 1, "status": "essential"},
    {"name": "user", "kind": "categorical", "dim": 8, "hash_size": 100},
    {"name": "clip", "kind": "dense", "dim": 3},
    {"name": "hour", "kind": "dense", "dim": 1},
]
RUN = {**SPEC, "name": "run", "features": FEATURES, "prune": {"rule": "top_k", "top_k": 2, "guard": {"max_drop": 0.01}}}


@pytest.fixture
def managed(tmp_path: Path) -> Managed:
    found = Managed(tmp_path)
    found.model()
    return found


def propose(managed: Managed, **kept_dims: tuple[int, ...]) -> str:
    """The address of a list that keeps age and user, and prunes clip and hour; of user these dims alone."""
    found = prune_list({"age": "keep", "user": "keep", "clip": "prune", "hour": "prune"}, before=totals(4))
    found["features"][0]["why"] = "essential"
    for feature in found["features"]:
        if feature["name"] in kept_dims:
            feature["kept_dims"] = kept_dims[feature["name"]]
    content = PruneList.parse(found).with_id().document()
    managed.time += timedelta(minutes=1)
    with managed.sessions.begin() as session:
        by_dim = {"selector": {"granularity": "dim"}, "prune": {"rule": "threshold"}} if kept_dims else {}
        spec = parse_spec({**RUN, **by_dim}).model_dump(mode="json")
        job = jobs.create(session, spec, managed.time, submitted_by="ana", model=MODEL)
        job.prune_list = content
        published = proposals.propose(session, job, managed.time)
        assert published is not None
        return f"/v1/models/{MODEL}/prune-lists/{published.number}"


def test_a_revision_is_a_new_list_with_its_author_and_totals_of_its_own(managed: Managed) -> None:
    base = propose(managed)
    before = managed.http.get(base).json()
    made = managed.http.post(f"{base}/revisions", json={"keep": ["clip"], "prune": ["user"], "reason": "ours"})
    assert made.status_code == 201, made.text
    view = made.json()
    assert (view["revision_of"], view["state"], view["verdict"]) == (before["number"], "proposed", "inconclusive")
    assert (view["submitted_by"], view["job_id"]) == ("local", before["job_id"])
    content = managed.http.get(f"/v1/models/{MODEL}/prune-lists/{view['number']}").json()["content"]
    decided = {each["name"]: (each["decision"], each["why"]) for each in content["features"]}
    assert decided == {
        "age": ("keep", "essential"),
        "user": ("prune", "hand"),
        "clip": ("keep", "hand"),
        "hour": ("prune", "threshold"),
    }
    assert content["after"] == {"features": 2, "dims": 4, "embedding_bytes": 0, "bytes_per_example": 16}
    assert content["revision"] == {
        "of": before["list_id"], "by": "local", "reason": "ours", "keep": ["clip"], "prune": ["user"],
    }  # fmt: skip
    assert content["metrics"] is None
    assert "not fine-tuned yet" in content["guard"]["reason"]
    assert content["id"] == view["list_id"] == PruneList.parse(content).with_id().id
    assert managed.http.get(base).json() == before, "the list itself stays as it is"
    (event,) = managed.events("prune_list.proposed")[1:]
    assert (event.data["number"], event.data["by"], event.data["reason"]) == (view["number"], "local", "ours")


def test_totals_of_a_table_are_recomputed(managed: Managed) -> None:
    base = propose(managed)
    made = managed.http.post(f"{base}/revisions", json={"keep": ["hour"], "reason": "cheap"}).json()
    content = managed.http.get(f"/v1/models/{MODEL}/prune-lists/{made['number']}").json()["content"]
    # age 4 + user 8 + hour 4 bytes an example; the table of user has 100 x 8 floats, and a row for null.
    assert content["after"] == {"features": 3, "dims": 10, "embedding_bytes": 3232, "bytes_per_example": 16}


def test_a_copy_whose_carrier_is_pruned_by_hand_is_pruned_by_hand_too() -> None:
    found = prune_list({"age": "keep", "clip": "keep", "clips": "prune", "hour": "prune"}, before=totals(4))
    for feature, copy in ((1, "clips"), (2, "clip")):
        found["features"][feature]["copies"] = [copy]
    found["features"][2]["why"] = "copy"
    features = [*FEATURES, {"name": "clips", "kind": "dense", "dim": 3}]
    spec = parse_spec({**RUN, "features": features})
    whole = PruneList.parse(found).with_id()
    assert whole.pruned_copies() == {"clips": "clip"}

    def revised(**changes: list[str]) -> PruneList:
        return revise(whole, spec, **{"keep": [], "prune": [], **changes}, by="ana", reason="ours")

    gone = revised(prune=["clip"])
    assert [(each.name, each.decision, each.why) for each in gone.features[1:3]] == [
        ("clip", "prune", "hand"),
        ("clips", "prune", "hand"),
    ]
    assert gone.pruned_copies() == {}
    assert revised(keep=["hour"]).pruned_copies() == {"clips": "clip"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"keep": ["clip", "color"]}, "keep: 'color': not in the list"),
        ({"keep": ["user"]}, "keep: 'user': kept already"),
        ({"prune": ["hour"]}, "prune: 'hour': pruned already"),
        ({"prune": ["age"]}, "prune: 'age': essential"),
        ({"keep": ["clip"], "prune": ["clip"]}, "keep: 'clip': in `prune` too"),
        ({}, "keep, prune: both are empty"),
    ],
)
def test_a_revision_that_means_nothing_is_refused(managed: Managed, body: dict[str, Any], told: str) -> None:
    answer = managed.http.post(f"{propose(managed)}/revisions", json={**body, "reason": "because"})
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["detail"]


def test_a_revision_is_approved_by_someone_else_who_overrides_the_guard(tmp_path: Path) -> None:
    managed = Managed(tmp_path)
    managed.model(policy={"four_eyes": True, "auto_approve": True, "auto_activate": True})
    base = propose(managed)
    ana, bob = managed.key("ana", "approve"), managed.key("bob", "approve")
    made = ana.post(f"{base}/revisions", json={"keep": ["clip"], "reason": "ours"}).json()
    assert made["state"] == "proposed", "no policy approves what nobody measured"
    path = f"/v1/models/{MODEL}/prune-lists/{made['number']}/approve"
    assert bob.post(path, json={}).json()["type"].endswith("not-fine-tuned")
    override = {"override_guard": True, "reason": "needed for the launch"}
    assert ana.post(path, json=override).json()["type"].endswith("four-eyes")
    assert bob.post(path, json=override).json()["state"] == "approved"
    eve = managed.key("eve", "submit")
    assert eve.post(f"{base}/revisions", json={"keep": ["clip"], "reason": "x"}).status_code == 403


def test_a_revision_raises_no_alert_of_a_refused_list(managed: Managed) -> None:
    base = propose(managed)
    managed.http.post(f"{base}/revisions", json={"keep": ["clip"], "reason": "ours"})
    assert managed.http.get("/v1/overview").json()["alerts"] == []


def test_a_follow_up_job_keeps_exactly_what_the_list_keeps(managed: Managed) -> None:
    base = propose(managed)
    made = managed.http.post(f"{base}/revisions", json={"keep": ["clip"], "prune": ["user"], "reason": "ours"}).json()
    answer = managed.http.post(f"/v1/models/{MODEL}/prune-lists/{made['number']}/follow-up")
    assert answer.status_code == 202, answer.text
    assert answer.json()["origin"] == {"kind": "revision", "id": str(made["number"])}
    listed = managed.http.get("/v1/jobs", params={"origin": "revision"}).json()["jobs"]
    assert [job["id"] for job in listed] == [answer.json()["id"]]
    with managed.sessions() as session:
        job = session.scalars(select(Job).where(Job.id == answer.json()["id"])).one()
        spec = parse_spec(job.spec)
    assert spec.prune.rule == "given"
    assert spec.prune.keep == ("age", "clip")
    assert spec.prune.guard.max_drop == 0.01
    assert [feature.name for feature in spec.features] == ["age", "user", "clip", "hour"]


def test_a_revision_and_its_follow_up_keep_the_dims_that_stay(managed: Managed) -> None:
    base = propose(managed, user=(1, 5))
    made = managed.http.post(f"{base}/revisions", json={"keep": ["clip"], "reason": "ours"}).json()
    # clip comes back with all 3 dims, beside age and 2 dims of user, whose table has a row for null.
    assert after(managed, made["number"]) == (3, 1 + 2 + 3, 101 * 2 * 4)
    answer = managed.http.post(f"/v1/models/{MODEL}/prune-lists/{made['number']}/follow-up")
    assert answer.status_code == 202, answer.text
    with managed.sessions() as session:
        job = session.scalars(select(Job).where(Job.id == answer.json()["id"])).one()
        spec = parse_spec(job.spec)
    assert (spec.prune.keep, spec.prune.kept_dims) == (("age", "user", "clip"), {"user": (1, 5)})
    again = managed.http.post(f"{base}/revisions", json={"prune": ["user"], "reason": "ours"}).json()
    assert after(managed, again["number"]) == (1, 1, 0)


def after(managed: Managed, number: int) -> tuple[int, int, int]:
    """Features, dims and embedding bytes of what a list keeps."""
    found = managed.http.get(f"/v1/models/{MODEL}/prune-lists/{number}").json()["content"]["after"]
    return found["features"], found["dims"], found["embedding_bytes"]


def test_the_rule_given_keeps_the_named_features_and_the_essential_ones() -> None:
    order = [
        RankedFeature(name="age", kind="dense", dim=1, score=1.0, essential=True),
        RankedFeature(name="user", kind="dense", dim=1, score=0.9),
        RankedFeature(name="clip", kind="dense", dim=1, score=0.1),
    ]
    rule = parse_spec({**RUN, "prune": {"rule": "given", "keep": ["clip"]}}).prune
    found = {decision.name: (decision.keep, decision.why) for decision in decide(order, rule, [])}
    assert found == {"age": (True, "essential"), "user": (False, "given"), "clip": (True, "given")}
