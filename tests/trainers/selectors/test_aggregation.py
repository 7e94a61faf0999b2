"""One ranking out of several seeds', against places, means and correlations computed by hand."""

import math

import pytest

from trainers.selectors.aggregation import aggregate, carried, mean_jaccard
from trainers.selectors.base import Interaction, Ranking


def gates(order: str, scores: dict[str, float], **more: object) -> Ranking:
    return Ranking(names=tuple(order), scores=scores, probability_like=True, **more)  # type: ignore[arg-type]


# Places from 1: a 1 1 2, b 2 3 1, c 3 2 4, d 4 4 3.
THREE = [
    gates(
        "abcd",
        {"a": 1.0, "b": 0.9, "c": 0.6, "d": 0.0},
        details={"drop_cost": {"a": 0.5, "b": 0.25, "c": 0.125}, "mean_gate": dict.fromkeys("abcd", 0.5)},
        diagnostics={"passes": 10.0, "polarized": True, "note": "first"},
        interactions=(Interaction(features=("a", "b"), importance=2.0),),
    ),
    gates(
        "acbd",
        {"a": 1.0, "b": 0.3, "c": 0.9, "d": 0.1},
        details={"drop_cost": {"a": 0.25, "c": 0.375}, "mean_gate": dict.fromkeys("abcd", 0.25)},
        diagnostics={"passes": 13.0, "polarized": False, "note": "second"},
    ),
    gates(
        "badc",
        {"a": 0.7, "b": 0.9, "c": 0.0, "d": 0.2},
        details={"drop_cost": {"a": 0.0, "b": 0.75}, "mean_gate": dict.fromkeys("abcd", 0.75)},
        diagnostics={"passes": 16.0, "polarized": True, "note": "third"},
    ),
]  # fmt: skip


def test_features_are_ordered_by_their_mean_place_and_numbers_are_means() -> None:
    found = aggregate(THREE)
    assert found.names == ("a", "b", "c", "d")  # 4/3, 2, 3 and 11/3
    assert found.scores == pytest.approx({"a": 0.9, "b": 0.7, "c": 0.5, "d": 0.1})
    assert found.probability_like
    assert found.details == {
        "drop_cost": {"a": 0.25, "b": 0.5, "c": 0.25},  # of the seeds that have one
        "mean_gate": dict.fromkeys("abcd", 0.5),
        "selection_frequency": pytest.approx({"a": 1.0, "b": 2 / 3, "c": 2 / 3, "d": 0.0}),
    }
    assert found.interactions == THREE[0].interactions


def test_diagnostics_say_how_far_the_seeds_agree() -> None:
    diagnostics = dict(aggregate(THREE).diagnostics)
    # Spearman's 1 - 6 Σd² / (n³ - n) with Σd² of 2, 4 and 10: 0.8, 0.6 and 0.
    assert diagnostics.pop("seed_rank_correlation") == pytest.approx(1.4 / 3)
    # {a, b, c}, {a, c} and {a, b}: 2/3, 2/3 and 1/3.
    assert diagnostics.pop("seed_jaccard") == pytest.approx(5 / 9)
    assert diagnostics == {"seeds": 3.0, "passes": 13.0, "polarized": True, "note": "first"}


def test_a_closed_feature_that_the_seeds_rank_first_stays_there() -> None:
    """Elimination puts a closed feature before open ones where it is missed more."""
    scores = {"a": 0.9, "b": 0.2, "c": 0.8}
    found = aggregate([gates("bac", scores), gates("bca", scores), gates("abc", scores)])
    assert found.names == ("b", "a", "c")  # 4/3, 2 and 8/3
    assert found.details["selection_frequency"] == {"a": 1.0, "b": 0.0, "c": 1.0}


def test_equal_places_are_ordered_by_score() -> None:
    found = aggregate([gates("ab", {"a": 0.6, "b": 0.55}), gates("ba", {"a": 0.7, "b": 0.95})])
    assert found.names == ("b", "a")
    assert found.diagnostics == {"seeds": 2.0, "seed_rank_correlation": pytest.approx(-1.0), "seed_jaccard": 1.0}


def test_scores_without_a_scale_have_no_open_features() -> None:
    one = Ranking.by_score({"a": 3.0, "b": -1.0, "c": 2.0}, details={"deviation": {"a": 0.2}})
    other = Ranking.by_score({"a": 2.0, "b": -2.0, "c": 4.0}, details={"deviation": {"a": 0.4}})
    found = aggregate([one, other])
    assert found.names == ("c", "a", "b")  # places 1.5 twice: c's mean is greater
    assert found.scores == {"a": 2.5, "b": -1.5, "c": 3.0}
    assert not found.probability_like
    assert dict(found.details["deviation"]) == pytest.approx({"a": 0.3})
    assert found.diagnostics == {"seeds": 2.0, "seed_rank_correlation": pytest.approx(0.5)}


def test_one_seed_is_its_own_aggregate_and_one_feature_agrees_with_itself() -> None:
    assert aggregate(THREE[:1]) is THREE[0]
    alone = gates("a", {"a": 0.2})
    assert aggregate([alone, alone]).diagnostics["seed_rank_correlation"] == 1.0


def test_jaccard_is_a_mean_over_pairs() -> None:
    assert mean_jaccard([{"a"}, {"a"}, {"b"}]) == pytest.approx(1 / 3)
    assert mean_jaccard([set(), set()]) == 1.0
    assert math.isclose(mean_jaccard([set("abc"), set("bcd")]), 0.5)


def test_of_copies_one_has_the_best_place_of_the_group_in_every_seed() -> None:
    """Two seeds that keep a copy each, and say the same of the third feature."""
    one = gates("abc", {"a": 0.97, "b": 0.6, "c": 0.01}, details={"drop_cost": {"a": 0.3, "b": 0.1}})
    other = gates("cba", {"c": 0.95, "b": 0.6, "a": 0.03}, details={"drop_cost": {"c": 0.5, "b": 0.1}})
    found = aggregate([carried(each, [("a", "c")]) for each in (one, other)])
    assert found.names == ("a", "b", "c")
    assert found.scores == pytest.approx({"a": 0.96, "b": 0.6, "c": 0.02})
    assert found.details["drop_cost"] == pytest.approx({"a": 0.4, "b": 0.1})
    assert carried(one, [("a", "c")]) is one
    assert carried(one, [("c", "a")]).names == ("c", "b", "a"), "the first of a group carries it"
