"""Published lists in any order of acts, against a plain model of what should come of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from service.core.statuses import BY_HAND, FeatureStatus
from service.store import events
from service.store.tables import Feature, FeatureDecision, PublishedList
from tests.support.managed import Managed, content

STATUSES = [status.value for status in FeatureStatus]
NAMES = ["a", "b", "c", "d"]
DECISIONS = st.dictionaries(st.sampled_from([*NAMES, "e", "unknown"]), st.sampled_from(["keep", "prune"]), min_size=1)
names = itertools.count()


@dataclass
class Expected:
    """A list as it should be. `moved` has the features that it moved, with what they were, but for those that someone
    gave a status by hand since."""

    decisions: dict[str, str]
    passed: bool
    state: str = "proposed"
    previous: int | None = None
    moved: dict[str, str] = field(default_factory=dict)


class Lives(RuleBasedStateMachine):
    """One model, its features and its lists."""

    managed: Managed

    @initialize(statuses=st.lists(st.sampled_from(STATUSES), min_size=4, max_size=4))
    def start(self, statuses: list[str]) -> None:
        self.model = f"model-{next(names)}"
        self.managed.model(name=self.model)
        self.url = f"/v1/models/{self.model}"
        self.lists: dict[int, Expected] = {}
        self.policy = {"auto_approve": False, "auto_activate": False}
        self.statuses: dict[str, str] = {}
        self.changes: list[tuple[str, str | None, str, int | None]] = []
        self.told: list[tuple[str, int | None]] = []
        for name, status in zip(NAMES, statuses, strict=True):
            self._register(name, status)

    def _register(self, name: str, status: str) -> None:
        item = {"name": name, "kind": "dense", "status": status}
        assert self._post("/features", {"features": [item]}) == 201
        self.statuses[name] = status
        self.changes.append((name, None, status, None))

    def _post(self, path: str, body: Any) -> int:
        return self.managed.http.post(f"{self.url}{path}", json=body).status_code

    @property
    def active(self) -> int | None:
        return next((number for number, each in self.lists.items() if each.state == "active"), None)

    def _pick(self, place: int) -> int:
        """A list, counted from the oldest; beyond the newest, one that isn't there."""
        return [*self.lists, *[2**40] * 99][place]

    def _change(self, name: str, status: str, number: int | None) -> None:
        if self.statuses[name] != status:
            self.changes.append((name, self.statuses[name], status, number))
            self.statuses[name] = status

    def _to(self, number: int, state: str) -> None:
        self.lists[number].state = state
        self.told.append((f"prune_list.{state}", number))

    def _activated(self, number: int) -> None:
        mine = self.lists[number]
        mine.previous = self.active
        if mine.previous is not None:
            self._to(mine.previous, "superseded")
        self._to(number, "active")
        for name in self.statuses:
            before, decision = self.statuses[name], mine.decisions.get(name)
            if decision == "prune" and before in {"candidate", "active"}:
                mine.moved[name] = before
                self._change(name, "pruned", number)
            if decision == "keep" and before in {"candidate", "pruned"}:
                mine.moved[name] = before
                self._change(name, "active", number)

    @rule(decisions=DECISIONS, passed=st.booleans())
    def propose(self, decisions: dict[str, str], passed: bool) -> None:
        expected, withheld = self._worth_a_decision(decisions, passed), self._decided_against(decisions)
        number = self.managed.end(content(decisions, passed=passed), model=self.model)
        assert (number is not None) == expected
        if number is None:
            self.told.append(("prune_list.not_proposed", None))
            return
        self.lists[number] = Expected(decisions, passed)
        self.told.append(("prune_list.proposed", number))
        if passed and self.policy["auto_approve"] and not withheld:
            self._approved(number)

    def _worth_a_decision(self, decisions: dict[str, str], passed: bool) -> bool:
        waiting = [each for each in self.lists.values() if each.state in {"proposed", "approved"}]
        if any(each.decisions == decisions and each.passed >= passed for each in waiting):
            return False
        pruned = {name for name, decision in decisions.items() if decision == "prune"}
        before = {} if self.active is None else self.lists[self.active].decisions
        if self.active is None and pruned:
            return True
        if self.active is not None and {name for name in before if before[name] == "keep"} != decisions.keys() - pruned:
            return True
        return any(
            status in {"candidate", "active"} if name in pruned else status == "pruned"
            for name, status in self.statuses.items()
            if name in decisions
        )

    def _decided_against(self, decisions: dict[str, str]) -> bool:
        """Whether the same was rejected or rolled back, or something that a rollback brought back is pruned."""
        same = [each.state for each in self.lists.values() if each.decisions == decisions]
        ended = [state for state in same if state not in {"proposed", "approved"}]
        newest = {name: (before, number) for name, before, _, number in self.changes}
        back = {
            name
            for name, (before, number) in newest.items()
            if number is not None and self.lists[number].state == "rolled_back" and before == "pruned"
        }
        return ended[-1:] in (["rejected"], ["rolled_back"]) or any(
            decisions[name] == "prune" for name in decisions.keys() & back
        )

    @rule(decisions=DECISIONS)
    def publish(self, decisions: dict[str, str]) -> None:
        """All the way: left to chance, few lists would become active."""
        known = len(self.lists)
        self.propose(decisions, True)
        if len(self.lists) == known:
            return
        newest = len(self.lists) - 1
        self.approve(newest, False)
        self.activate(newest)

    def _approved(self, number: int) -> None:
        self._to(number, "approved")
        if self.lists[number].passed and self.policy["auto_activate"]:
            self._activated(number)

    @rule(place=st.integers(0, 9), override=st.booleans())
    def approve(self, place: int, override: bool) -> None:
        number = self._pick(place)
        status = self._post(f"/prune-lists/{number}/approve", {"override_guard": override, "reason": "so"})
        found = self.lists.get(number)
        if found is None:
            assert status == 404
        elif found.state == "proposed" and (found.passed or override):
            assert status == 200
            self._approved(number)
        else:
            assert status == 409

    @rule(place=st.integers(0, 9))
    def reject(self, place: int) -> None:
        self._act(place, "reject", {"proposed", "approved"}, lambda number: self._to(number, "rejected"))

    @rule(place=st.integers(0, 9))
    def activate(self, place: int) -> None:
        self._act(place, "activate", {"approved"}, self._activated)

    def _act(self, place: int, what: str, allowed: set[str], then: Any) -> None:
        number = self._pick(place)
        status = self._post(f"/prune-lists/{number}/{what}", {"reason": "so"})
        if number not in self.lists:
            assert status == 404
        elif self.lists[number].state in allowed:
            assert status == 200
            then(number)
        else:
            assert status == 409

    @rule()
    def roll_back(self) -> None:
        number = self.active
        assert self._post("/prune-list/rollback", {}) == (409 if number is None else 200)
        if number is None:
            return
        mine = self.lists[number]
        self._to(number, "rolled_back")
        if mine.previous is not None:
            self._to(mine.previous, "active")
        for name, before in mine.moved.items():
            self._change(name, before, number)

    @rule(name=st.sampled_from(NAMES), status=st.sampled_from(STATUSES))
    def decide_by_hand(self, name: str, status: str) -> None:
        answer = self._post("/features/status", {"features": [name], "status": status, "reason": "so"})
        before = self.statuses[name]
        if status == before:
            assert answer == 200
        elif FeatureStatus(status) in BY_HAND[FeatureStatus(before)]:
            assert answer == 200
            self._change(name, status, None)
            for each in self.lists.values():
                each.moved.pop(name, None)
        else:
            assert answer == 409

    @rule(status=st.sampled_from(STATUSES))
    def register(self, status: str) -> None:
        if "e" not in self.statuses:
            self._register("e", status)

    @rule(approve=st.booleans(), activate=st.booleans())
    def set_policy(self, approve: bool, activate: bool) -> None:
        self.policy = {"auto_approve": approve, "auto_activate": activate}
        assert self.managed.http.patch(self.url, json={"policy": self.policy}).status_code == 200

    @invariant()
    def all_is_as_expected(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.managed.sessions() as session:
            rows = session.scalars(select(PublishedList).where(PublishedList.model == self.model)).all()
            features = session.scalars(select(Feature).where(Feature.model == self.model)).all()
        assert {row.number: (row.state, row.previous) for row in rows} == {
            number: (each.state, each.previous) for number, each in self.lists.items()
        }
        assert sum(row.state == "active" for row in rows) <= 1
        assert {feature.name: feature.status for feature in features} == self.statuses
        answer = self.managed.http.get(f"{self.url}/prune-list")
        assert answer.status_code == (404 if self.active is None else 200)
        if self.active is not None:
            served = {each["name"]: each["decision"] for each in answer.json()["features"]}
            assert served == self.lists[self.active].decisions

    @invariant()
    def every_change_has_a_decision_and_an_event(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.managed.sessions() as session:
            query = select(FeatureDecision).where(FeatureDecision.model == self.model).order_by(FeatureDecision.number)
            decided = session.scalars(query).all()
            happened = events.after(session, 0, 100_000, model=self.model)
        found = [(each.feature, each.before, each.after, each.prune_list_number) for each in decided]
        assert sorted(found, key=str) == sorted(self.changes, key=str)
        for name in self.statuses:
            chain = [each for each in decided if each.feature == name]
            assert [each.before for each in chain] == [None, *(each.after for each in chain[:-1])]
            assert chain[-1].after == self.statuses[name]
        assert all(each.reason and each.by for each in decided)
        assert [
            (each.kind, each.data.get("number")) for each in happened if each.kind.startswith("prune_list.")
        ] == self.told
        changed = [
            (change["feature"], change["from"], change["to"], each.data["prune_list"])
            for each in happened
            if each.kind == "feature.status"
            for change in each.data["changes"]
        ]
        assert sorted(changed, key=str) == sorted((each for each in found if each[1] is not None), key=str)


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path / "home")
    yield made
    made.close()


@pytest.mark.parametrize("examples", [10, pytest.param(300, marks=pytest.mark.slow)])
def test_lists_live_as_they_should(managed: Managed, examples: int) -> None:
    Lives.managed = managed
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
