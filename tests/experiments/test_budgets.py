"""What is spent of budgets, on features whose widths are known."""

import pytest

from tests.experiments.budgets import land, with_costs
from trainers.pruning.ranking import RankedFeature


def feature(name: str, dim: int, embedding_bytes: int = 0, cost: float | None = None) -> RankedFeature:
    return RankedFeature(name=name, kind="dense", dim=dim, score=0.9, embedding_bytes=embedding_bytes, cost=cost)


def test_budgets_are_shares_of_what_there_is() -> None:
    found = land([feature("wide", 6), feature("narrow", 2), feature("other", 2)], shares=(0.5, 0.2))
    # Of 10 dims: half are 5, into which both narrow ones fit and the wide one doesn't; a fifth is one of them. Costs
    # are 1, 2 and 3 of 6: half holds the first and the second, a fifth the first. Nothing has tables.
    assert [(each.unit, each.limit, each.spent) for each in found] == [
        ("dims", 5, 4), ("dims", 2, 2), ("cost", 3.0, 3.0), ("cost", pytest.approx(1.2), 1.0)
    ]  # fmt: skip
    assert found[0].said
    assert "'wide', takes 6 dims" in found[0].said
    assert found[1].said is None


def test_costs_of_the_spec_count() -> None:
    features = [feature("a", 1, cost=4.0), feature("b", 1)]
    assert with_costs(features) == features
    assert [each.cost for each in with_costs([feature("a", 1), feature("b", 1)])] == [1.0, 2.0]


def test_a_share_that_holds_no_feature_is_no_budget() -> None:
    assert [each.limit for each in land([feature("a", 1, 4), feature("b", 3, 12)], shares=(0.1, 0.9))] == [3, 14, 2.7]
