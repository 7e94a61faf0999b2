"""Overlaps of runs by other seeds, on rankings made by hand and on a tiny table."""

from pathlib import Path

import pytest

from tests.experiments.stability import measure, rank
from tests.trainers.selectors.test_conformance import spec_of, write_data
from trainers.selectors.base import Ranking
from trainers.spec import parse_spec

pytestmark = pytest.mark.filterwarnings("ignore")


def test_overlaps_are_of_aggregates_and_runs_share_no_seed() -> None:
    base = {"dataset": {"train": "t", "splits": {}}, "features": [{"name": name, "kind": "dense"} for name in "abc"]}
    scores = dict.fromkeys("abc", 1.0)
    orders = {4: "abc", 5: "cab", 6: "bac", 7: "bca"}
    asked = []

    def given(seed: int) -> Ranking:
        asked.append(seed)
        return Ranking(names=tuple(orders[seed]), scores=scores, probability_like=True)

    found = measure(parse_spec({**base, "training": {"seed": 4}}), [1, 2], runs=2, seeds=2, rank=given)
    assert asked == [4, 5, 6, 7]
    # Of one seed: abc and bac. Of both, by mean places 1.5, 2.5, 2 of a, b, c: acb; by 2.5, 1, 2.5: bac, where a
    # stands before c as in the first seed's ranking.
    assert found == {1: [0.0, 1.0], 2: [0.0, pytest.approx(1 / 3)]}


def test_which_of_two_copies_a_seed_keeps_is_no_difference() -> None:
    base = {"dataset": {"train": "t", "splits": {}}, "features": [{"name": name, "kind": "dense"} for name in "abc"]}
    orders = {0: "acb", 1: "bca"}

    def given(seed: int) -> Ranking:
        return Ranking(names=tuple(orders[seed]), scores=dict.fromkeys("abc", 1.0), probability_like=True)

    spec = parse_spec(base)
    assert measure(spec, [1, 2], runs=2, seeds=1, rank=given) == {1: [0.0, pytest.approx(1 / 3)]}
    # By copies counted as one, the first is the better of a and b, and the second c.
    assert measure(spec, [1, 2], runs=2, seeds=1, rank=given, copies=[("a", "b")]) == {1: [1.0, 1.0]}


def test_a_copy_of_the_label_is_first_by_every_seed(tmp_path: Path) -> None:
    write_data(tmp_path)
    raw = spec_of("leap", tmp_path).model_dump(mode="json")
    raw["training"] |= {"epochs": 4}
    raw["features"] = [each for each in raw["features"] if each["name"] in ("copy", "constant")]
    spec = parse_spec(raw)
    assert measure(spec, [1], runs=2, seeds=1, rank=lambda seed: rank(spec, seed)) == {1: [1.0]}
