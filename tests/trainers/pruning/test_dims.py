"""Dims that a rule decided on, and the features that they make, by hand."""

from typing import Any

import pytest

from trainers.pruning.dims import gather
from trainers.pruning.listing import list_features, sum_totals
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.pruning.rules import Decision, decide
from trainers.runs.results import CurvePoint
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, PruneSpec

SCORES = {"clip:0": 0.9, "user:1": 0.8, "clip:2": 0.7, "user:0": 0.3, "age": 0.2, "clip:1": 0.1}
RANKING = Ranking.by_score(
    SCORES, probability_like=True, details={"missed": {**dict.fromkeys(SCORES, 0.0), "age": 1.0}}
)


def spec_of(**parts: Any) -> JobSpec:
    features = [
        {"name": "age", "kind": "dense"},
        {"name": "clip", "kind": "dense", "dim": 3},
        {"name": "user", "kind": "categorical", "dim": 2, "hash_size": 9},
    ]
    raw = {"dataset": {"train": "t", "splits": {}}, "features": features, "selector": {"granularity": "dim"}}
    return JobSpec.model_validate({**raw, **parts})


def ranked(spec: JobSpec, **found: Any) -> list[RankedFeature]:
    return rank_features(spec, RANKING, **found)


def kept(decisions: list[Decision]) -> set[str]:
    return {decision.name for decision in decisions if decision.keep}


def test_each_dim_weighs_its_part() -> None:
    units = {each.name: each for each in ranked(spec_of())}
    assert {each.dim for each in units.values()} == {1}
    assert (units["user:0"].embedding_bytes, units["clip:1"].embedding_bytes) == (10 * 4, 0)
    assert units["clip:1"].weight("dims") == 1


def test_rules_decide_on_dims() -> None:
    spec = spec_of()
    units = ranked(spec)
    assert kept(decide(units, PruneSpec(), [])) == {"clip:0", "user:1", "clip:2", "age"}
    assert kept(decide(units, PruneSpec(rule="budget", keep_dims=2), [])) == {"clip:0", "user:1"}
    assert kept(decide(units, PruneSpec(rule="dims", share=0.5), [])) == {"clip:0", "user:1", "clip:2"}
    # Numbers have no table: they fit into any budget of bytes.
    assert kept(decide(units, PruneSpec(rule="budget", keep_bytes=40), [])) == set(SCORES) - {"user:0"}
    given = PruneSpec(rule="given", keep=("clip", "age"), kept_dims={"clip": (1, 2)})
    assert kept(decide(units, given, [])) == {"clip:1", "clip:2", "age"}
    points = [
        CurvePoint(features=len({name.partition(":")[0] for name in list(SCORES)[:dims]}), dims=dims,
                   embedding_bytes=0, logloss=0.5 if dims > 2 else 0.6, auc=None, gauc=None)
        for dims in (1, 3, 6)
    ]  # fmt: skip
    assert kept(decide(units, PruneSpec(rule="curve"), points)) == {"clip:0", "user:1", "clip:2"}


def test_features_have_the_score_of_their_best_dim_and_the_dims_that_stay() -> None:
    spec = spec_of()
    units = ranked(spec)
    found = gather(spec, units, decide(units, PruneSpec(rule="dims", share=0.5), []))
    listed = list_features(found.features, found.decisions)
    assert [(each.name, each.dim, each.score, each.decision, each.kept_dims) for each in listed] == [
        ("clip", 3, 0.9, "keep", (0, 2)),
        ("user", 2, 0.8, "keep", (1,)),
        ("age", 1, 0.2, "prune", None),
    ]
    assert found.columns == {"clip": [0, 2], "user": [1]}
    assert [each.why for each in listed] == ["dims", "dims", "dims"]
    after = sum_totals(found.spec(spec).features)
    assert (after.features, after.dims, after.embedding_bytes, after.bytes_per_example) == (2, 3, 40, 8 + 8)
    before = sum_totals(spec.features)
    assert (before.features, before.dims, before.embedding_bytes, before.bytes_per_example) == (3, 6, 80, 16 + 8)


def test_essential_features_keep_all_dims_and_one_dim_always_stays() -> None:
    spec = spec_of(essential=["user"])
    units = ranked(spec)
    assert [each.name for each in units[:2]] == ["user:1", "user:0"]
    found = gather(spec, units, decide(units, PruneSpec(rule="budget", keep_dims=1), []))
    assert (found.names, found.columns) == (["user"], {})
    assert found.decisions[0].why == "essential"
    units = ranked(spec_of())
    best = gather(spec_of(), units, decide(units, PruneSpec(threshold=0.99), []))
    # age is missed, whatever its gate says.
    assert best.names == ["age"]


def test_dims_are_numbered_as_the_data_numbers_them() -> None:
    features = [
        {"name": "age", "kind": "dense"},
        {"name": "clip", "kind": "dense", "dim": 8, "kept_dims": [1, 4, 6]},
        {"name": "user", "kind": "categorical", "dim": 2, "hash_size": 9},
    ]
    spec = spec_of(features=features)
    units = ranked(spec)
    found = gather(spec, units, decide(units, PruneSpec(rule="dims", share=0.5), []))
    clip = next(each for each in found.features if each.name == "clip")
    assert (clip.dim, clip.kept_dims, found.columns["clip"]) == (3, (1, 6), [0, 2])
    assert found.spec(spec).dims == {"clip": 2, "user": 1}


@pytest.mark.parametrize(("kind", "stays"), [("dense", {"a:0", "b:1"}), ("categorical", {"a:0"})])
def test_of_copies_a_dim_of_numbers_stays_once_and_of_embeddings_one_feature(kind: str, stays: set[str]) -> None:
    ids = {"hash_size": 5} if kind == "categorical" else {}
    features = [{"name": name, "kind": kind, "dim": 2, **ids} for name in "ab"]
    spec = spec_of(features=features)
    ranking = Ranking.by_score({"a:0": 0.9, "b:0": 0.8, "b:1": 0.7, "a:1": 0.1}, probability_like=True)
    units = rank_features(spec, ranking, [("a", "b")])
    assert kept(decide(units, PruneSpec(), [])) == stays
