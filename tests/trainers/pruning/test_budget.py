"""Rule budget: what fits along the ranking, what is said of it, and what holds for every ranking."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.pruning.budget import CLOSE, describe_use, fill
from trainers.pruning.curve import ranking_prefixes
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.pruning.rules import decide
from trainers.runs.prune_list import BudgetUse
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, PruneSpec
from trainers.spec.budget import Budget, Unit


def feature(name: str, dim: int = 1, *, score: float = 0.9, **more: Any) -> RankedFeature:
    return RankedFeature(name=name, kind="dense", dim=dim, score=score, **more)


def use(order: list[RankedFeature], rule: PruneSpec, *, gates: bool = True) -> BudgetUse:
    budget = rule.budget(sum(each.dim for each in order))
    assert budget is not None
    return describe_use(order, decide(order, rule, []), budget, gates=gates)


def kept(order: list[RankedFeature], **prune: Any) -> list[str]:
    rule = PruneSpec.model_validate({"rule": "budget", **prune})
    found = decide(order, rule, [])
    assert {each.why for each in found} <= {"budget", "essential"}
    return [each.name for each in found if each.keep]


ORDER = [
    feature("id", 2, essential=True, embedding_bytes=800, cost=0.1),
    feature("wide", 8, embedding_bytes=6400, cost=0.1),
    feature("scalar", 1, cost=0.2),
    feature("shut", 4, score=0.1, embedding_bytes=1600),
]


@pytest.mark.parametrize(
    ("prune", "names"),
    [
        ({"keep_dims": 10}, ["id", "wide"]),
        ({"keep_dims": 9}, ["id", "scalar", "shut"]),  # 8 don't fit beside 2, and 1 and 4 do
        ({"keep_dims": 2}, ["id"]),
        ({"keep_dims": 15}, ["id", "wide", "scalar", "shut"]),
        ({"keep_bytes": 7200}, ["id", "wide", "scalar"]),
        ({"keep_bytes": 2400}, ["id", "scalar", "shut"]),
        ({"keep_bytes": 800}, ["id", "scalar"]),  # a dense feature has no table
        ({"keep_cost": 0.2}, ["id", "wide"]),
        ({"keep_cost": 0.4}, ["id", "wide", "scalar"]),  # 0.1 + 0.1 + 0.2
        ({"keep_cost": 4.4}, ["id", "wide", "scalar", "shut"]),  # without a cost, a feature costs its dim
    ],
)
def test_the_ranking_is_followed_while_features_fit(prune: dict[str, Any], names: list[str]) -> None:
    assert kept(ORDER, **prune) == names


def test_a_constant_feature_fills_no_budget_however_cheap() -> None:
    """`flat` has no table, and would fit beside `wide`; it is no feature that was too wide either."""
    order = [
        feature("wide", 8, embedding_bytes=6400, cost=0.1),
        feature("flat", 1, constant=True),
        feature("base", 2, essential=True, constant=True),
        feature("shut", 4, score=0.1, embedding_bytes=64_000, cost=9),
    ]
    for prune in ({"keep_dims": 11}, {"keep_bytes": 7000}, {"keep_cost": 3.1}):
        rule = PruneSpec.model_validate({"rule": "budget", **prune})
        found = {each.name: (each.keep, each.why) for each in decide(order, rule, [])}
        assert found == {
            "wide": (True, "budget"),
            "flat": (False, "constant"),
            "base": (True, "essential"),
            "shut": (False, "budget"),
        }
        assert use(order, rule).passed_over == "shut"
    assert kept([order[0], feature("thin", 1)], keep_dims=9) == ["wide", "thin"]


@pytest.mark.parametrize(
    ("prune", "names"),
    [
        ({"rule": "dims", "share": 1.0}, ["a", "b"]),
        ({"rule": "top_k", "top_k": 2}, ["a", "b"]),
        ({"rule": "threshold", "threshold": 0.5}, ["a", "b"]),
        ({"rule": "given", "keep": ["a", "flat"]}, ["a", "flat"]),
    ],
)
def test_other_rules_leave_constants_out_too_unless_a_person_names_them(
    prune: dict[str, Any], names: list[str]
) -> None:
    order = [feature("a"), feature("flat", constant=True), feature("b")]
    found = decide(order, PruneSpec.model_validate(prune), [])
    assert [each.name for each in found if each.keep] == names
    assert {each.why for each in found if not each.keep} == {"given" if prune["rule"] == "given" else "constant"}
    assert ranking_prefixes(order, 9) == [("a",), ("a", "b")]


def test_where_every_feature_is_constant_the_best_stays() -> None:
    order = [feature("a", constant=True), feature("b", constant=True)]
    found = decide(order, PruneSpec(rule="budget", keep_dims=2), [])
    assert [(each.name, each.keep, each.why) for each in found] == [("a", True, "best"), ("b", False, "constant")]
    assert ranking_prefixes(order, 9) == [("a",)]


def test_rule_dims_is_a_budget_too() -> None:
    assert PruneSpec(rule="dims", share=0.7).budget(10) == Budget(unit="dims", limit=7)
    assert PruneSpec(rule="top_k", top_k=1).budget(10) is None
    assert use(ORDER, PruneSpec(rule="dims", share=0.6)).limit == 9


def test_the_feature_that_keeps_a_budget_from_being_spent_is_named() -> None:
    found = use([feature("a", 60), feature("b", 128), feature("c", 50)], PruneSpec(rule="budget", keep_dims=100))
    assert found == BudgetUse(
        unit="dims", limit=100, spent=60, total=238, closed_gates=0, passed_over="b", passed_over_takes=128,
        warning="40 dims of 100 are left: the next feature of the ranking, 'b', takes 128 dims, and none of those "
        "after it fits",
    )  # fmt: skip
    tables = [feature("a", embedding_bytes=4000), feature("b", embedding_bytes=4_000_000)]
    found = use(tables, PruneSpec(rule="budget", keep_bytes=1_000_000))
    assert found.warning is not None
    assert found.warning.startswith("996,000 bytes of tables of 1,000,000 are left: the next feature of the ranking, ")


def test_a_budget_within_three_percent_is_no_matter() -> None:
    order = [feature("a", 97), feature("b", 4)]
    found = use(order, PruneSpec(rule="budget", keep_dims=100))
    assert (found.spent, found.passed_over, found.warning) == (97, "b", None)
    assert use([feature("a", 96), feature("b", 5)], PruneSpec(rule="budget", keep_dims=100)).warning is not None
    whole = use(order, PruneSpec(rule="budget", keep_dims=500))
    assert (whole.spent, whole.passed_over, whole.passed_over_takes, whole.warning) == (101, None, None, None)


def test_closed_gates_fill_a_budget_and_are_counted() -> None:
    assert use(ORDER, PruneSpec(rule="budget", keep_dims=9)).closed_gates == 1
    assert use(ORDER, PruneSpec(rule="budget", keep_dims=10)).closed_gates == 0
    assert use(ORDER, PruneSpec(rule="budget", keep_dims=9), gates=False).closed_gates is None
    missed = [feature("closed and missed", score=0.1, details={"missed": 1.0}), feature("b")]
    assert use(missed, PruneSpec(rule="budget", keep_dims=1)).closed_gates == 0
    essential = [feature("a", score=0.1, essential=True), feature("b")]
    assert use(essential, PruneSpec(rule="budget", keep_dims=1)).closed_gates == 0


def test_costs_and_bytes_come_from_the_spec() -> None:
    features = [
        {"name": "a", "kind": "dense", "dim": 3, "cost": 0.5},
        {"name": "b", "kind": "categorical", "dim": 4, "hash_size": 9},  # and a row for null
    ]
    spec = JobSpec.model_validate({"dataset": {"train": "t", "splits": {}}, "features": features})
    ranking = Ranking(names=("a", "b"), scores={"a": 1.0, "b": 0.5}, probability_like=True)
    weights = {each.name: [each.weight(unit) for unit in UNITS] for each in rank_features(spec, ranking)}
    assert weights == {"a": [3, 0, 0.5], "b": [4, 160, 4]}
    assert "cost" not in spec.model_dump(mode="json")["features"][1], "as version 0.1 wrote it"


def test_a_copy_of_what_is_kept_leaves_its_room_to_others() -> None:
    order = [
        feature("a", 4, copies=("b",)),
        feature("wide", 8, copies=("narrow",)),
        feature("narrow", 2, copies=("wide",)),
        feature("b", 4, copies=("a",)),
        feature("c", 3),
    ]
    assert kept_or_copy(order, keep_dims=15) == {
        "wide": "budget",
        "a": "budget",
        "c": "budget",
        "narrow": "copy",
        "b": "copy",
    }
    assert kept_or_copy(order, keep_dims=9) == {
        "a": "budget", "narrow": "budget", "c": "budget", "wide": "copy", "b": "copy"
    }, "a copy that is too wide leaves its place to a narrow one"  # fmt: skip
    found = use(order, PruneSpec(rule="budget", keep_dims=40))
    assert (found.spent, found.passed_over, found.warning) == (15, None, None), "copies aren't what a budget misses"


def kept_or_copy(order: list[RankedFeature], **prune: Any) -> dict[str, str]:
    found = decide(order, PruneSpec.model_validate({"rule": "budget", **prune}), [])
    assert [each.keep for each in found] == [each.why != "copy" for each in found]
    return {each.name: each.why for each in found}


UNITS: tuple[Unit, ...] = ("dims", "bytes", "cost")
WIDTHS = st.tuples(st.sampled_from([1, 1, 4, 16, 64, 256]), st.integers(0, 10**6), st.decimals(0, 9, places=1))
RANKINGS = st.tuples(st.lists(WIDTHS, min_size=1, max_size=30), st.integers(0, 3)).map(
    lambda drawn: [
        feature(f"f{at}", dim, embedding_bytes=table, cost=float(cost), essential=at < drawn[1])
        for at, (dim, table, cost) in enumerate(drawn[0])
    ]
)


@given(RANKINGS, st.sampled_from(UNITS), st.floats(0, 1.1), st.floats(0, 1.1))
def test_what_holds_of_every_ranking_and_budget(
    order: list[RankedFeature], unit: Unit, first: float, second: float
) -> None:
    total = sum(each.weight(unit) for each in order)
    essential = sum(each.weight(unit) for each in order if each.essential)
    small, large = (
        Budget(unit=unit, limit=max(essential, share * total if unit == "cost" else int(share * total)))
        for share in sorted((first, second))
    )
    chosen = {limit: fill(order, limit) for limit in (small, large)}
    spent = {limit: sum(each.weight(unit) for each in order if each.name in names) for limit, names in chosen.items()}
    for budget, names in chosen.items():
        assert {each.name for each in order if each.essential} <= names
        assert spent[budget] <= budget.limit * (1 + (1e-9 if unit == "cost" else 0)), "never exceeded"
        others = [each for each in order if each.name not in names]
        assert not [each for each in others if budget.fits(spent[budget] + each.weight(unit))], "nothing more fits"
        if all(each.weight(unit) <= CLOSE * budget.limit for each in others):
            assert not others or spent[budget] >= (1 - CLOSE) * budget.limit
    assert spent[small] <= spent[large] + 1e-9
    masks = [[each.name in chosen[budget] for each in order] for budget in (small, large)]
    assert masks[0] <= masks[1], "where two budgets differ first, the larger one keeps the better feature"
