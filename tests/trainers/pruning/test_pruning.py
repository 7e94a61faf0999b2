"""Rules, curve and list: what is kept, why, and what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support.qualities import model_quality
from tests.support.rankings import in_order, totals_of
from trainers.pruning.curve import ranking_prefixes, smallest_within
from trainers.pruning.diagnostics import gate_diagnostics, gate_warning, target_warning
from trainers.pruning.guard import evaluate_guard
from trainers.pruning.listing import list_features
from trainers.pruning.ranking import RankedFeature, rank_features, with_copies
from trainers.pruning.rules import decide
from trainers.report.summary import describe_copies, describe_crosses
from trainers.runs.progress import Polarization
from trainers.runs.prune_list import LEAP, Interaction, PruneList
from trainers.runs.results import CurvePoint, Quality
from trainers.selectors.base import Ranking
from trainers.selectors.gates.ranking import rank_by_gate
from trainers.spec import JobSpec, PruneSpec

PARTED = Polarization(low=0.5, middle=0.0, high=0.5, spread=0.5)


def score(
    name: str, value: float, dim: int = 1, *, essential: bool = False, mean_gate: float | None = None
) -> RankedFeature:
    return RankedFeature(
        name=name,
        kind="dense",
        dim=dim,
        score=value,
        details={"divergence": 1.0, "mean_gate": value if mean_gate is None else mean_gate},
        essential=essential,
    )


SCORES = in_order([score("a", 0.9, 8), score("b", 0.1, 1), score("c", 0.6, 4), score("id", 0.2, 2, essential=True)])


def point(names: str, logloss: float) -> CurvePoint:
    return CurvePoint(features=len(names), dims=len(names), embedding_bytes=0, logloss=logloss, auc=None, gauc=None)


def kept(rule: PruneSpec, scores: list[RankedFeature] = SCORES) -> set[str]:
    return {decision.name for decision in decide(scores, rule, []) if decision.keep}


def test_a_closed_feature_that_held_out_rows_miss_stays_by_the_threshold_rule() -> None:
    order = [
        score("open", 0.9),
        replace(score("missed", 0.1), details={"missed": 1.0}),
        replace(score("of most seeds", 0.2), details={"missed": 2 / 3}),
        replace(score("of few seeds", 0.2), details={"missed": 1 / 3}),
        replace(score("closed", 0.1), details={"missed": 0.0}),
    ]
    why = {each.name: (each.keep, each.why) for each in decide(order, PruneSpec(threshold=0.5), [])}
    assert why == {
        "open": (True, "threshold"),
        "missed": (True, "missed"),
        "of most seeds": (True, "missed"),
        "of few seeds": (False, "threshold"),
        "closed": (False, "threshold"),
    }


def test_threshold_keeps_what_reaches_it_and_essentials() -> None:
    assert kept(PruneSpec(threshold=0.6)) == {"a", "c", "id"}
    why = {decision.name: decision.why for decision in decide(SCORES, PruneSpec(threshold=0.6), [])}
    assert why == {"id": "essential", "a": "threshold", "c": "threshold", "b": "threshold"}


def test_top_k_counts_essentials() -> None:
    assert kept(PruneSpec(rule="top_k", top_k=2)) == {"id", "a"}


def test_dims_spends_the_budget_and_passes_over_what_is_too_wide() -> None:
    assert kept(PruneSpec(rule="dims", share=0.5)) == {"id", "c", "b"}  # 7 of 15: a's 8 don't fit beside id's 2
    assert kept(PruneSpec(rule="dims", share=0.7)) == {"id", "a"}
    assert kept(PruneSpec(rule="dims", share=1.0)) == {"a", "b", "c", "id"}


def twins(*, essential: tuple[str, ...] = ()) -> list[RankedFeature]:
    """a = b = c and d = e, in the order of their scores."""
    values = {"a": 0.9, "d": 0.8, "b": 0.7, "f": 0.6, "c": 0.2, "e": 0.1}
    groups = {name: tuple(other for other in group if other != name) for group in ("abc", "de", "f") for name in group}
    return in_order(
        [
            replace(score(name, value, essential=name in essential), copies=groups[name])
            for name, value in values.items()
        ]
    )


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (PruneSpec(threshold=0.5), "adf"),
        (PruneSpec(threshold=0.0), "adf"),
        (PruneSpec(rule="top_k", top_k=2), "ad"),
        (PruneSpec(rule="top_k", top_k=3), "adf"),  # b leaves its place to f
        (PruneSpec(rule="top_k", top_k=6), "adf"),
        (PruneSpec(rule="dims", share=0.4), "ad"),
        (PruneSpec(rule="given", keep=("a", "b", "f")), "abf"),
    ],
)
def test_of_copies_the_one_ranked_first_stays(rule: PruneSpec, names: str) -> None:
    found = decide(twins(), rule, [])
    assert {each.name for each in found if each.keep} == set(names)
    copies = {each.name for each in found if each.why == "copy"}
    assert copies == (set() if rule.rule == "given" else {"b", "c", "e"} if "d" in names else {"b", "c"})


def test_copies_take_no_place_on_the_curve() -> None:
    order = twins()
    assert ranking_prefixes(order, 64) == [("a",), ("a", "d"), ("a", "d", "f")]
    assert with_copies(("a", "d"), order) == ("a", "d", "b", "c", "e"), "the model reads what their copies carry"
    assert ranking_prefixes(twins(essential=("b", "c")), 64) == [("b", "c"), ("b", "c", "d"), ("b", "c", "d", "f")]
    curve = [point("a", 0.6), point("ad", 0.6), point("adf", 0.5)]
    found = decide(twins(), PruneSpec(rule="curve", delta=0.001), curve)
    assert {each.name for each in found if each.keep} == {"a", "d", "f"}


def test_essential_copies_stay_and_carry_the_others() -> None:
    assert kept(PruneSpec(threshold=0.5), twins(essential=("c",))) == {"c", "d", "f"}
    assert kept(PruneSpec(rule="top_k", top_k=2), twins(essential=("b", "c"))) == {"b", "c"}
    assert kept(PruneSpec(rule="top_k", top_k=3), twins(essential=("b", "c"))) == {"b", "c", "d"}


def test_a_list_says_which_feature_carries_which() -> None:
    order, rule = twins(essential=("c",)), PruneSpec(threshold=0.5)
    made = make().model_copy(update={"features": list_features(order, decide(order, rule, []))})
    assert made.pruned_copies() == {"a": "c", "b": "c", "e": "d"}
    assert describe_copies(made) == (
        "'a' is a copy of 'c', which stays, 'b' is a copy of 'c', which stays, 'e' is a copy of 'd', which stays"
    )
    by_name = {each["name"]: each for each in made.document()["features"]}
    assert by_name["e"]["copies"] == ["d"]
    assert "copies" not in by_name["f"], "lists without copies are as they were"
    assert describe_copies(make()) == ""


def test_the_first_crosses_are_named() -> None:
    crosses = [Interaction(features=("a", "d", "f"), importance=0.75), Interaction(features=("a", "d"), importance=0.5)]
    assert describe_crosses(make().model_copy(update={"interactions": tuple(crosses)})) == "a × d × f 0.75, a × d 0.5"
    seven = (crosses[1],) * 7
    assert describe_crosses(make().model_copy(update={"interactions": seven})).endswith("a × d 0.5, and 2 more")
    assert describe_crosses(make()) == ""


def test_open_features_rank_by_gate_and_closed_ones_by_how_long_they_held_out() -> None:
    names = ["late", "early", "open", "wide open"]
    score_F, mean_gate_F = np.array([0.01, 0.02, 0.6, 0.9]), np.array([0.6, 0.1, 0.55, 0.5])
    ranking = rank_by_gate(names, score_F, mean_gate_F, {"divergence": np.array([4.0, 3.0, 2.0, 1.0])})
    assert ranking.names == ("wide open", "open", "late", "early")
    assert ranking.details["mean_gate"]["late"] == 0.6
    assert ranking.details["divergence"]["late"] == 4.0
    assert rank_by_gate(names, score_F).names == ("wide open", "open", "early", "late")
    free = rank_by_gate(names, score_F * 10 - 5, mean_gate_F, probability_like=False)
    assert free.names == ("wide open", "open", "early", "late"), "such scores have no point at which they close"


def test_features_stand_in_the_rankings_order_and_essential_ones_first() -> None:
    """The score says another order: nothing sorts by it."""
    dense = [{"name": name, "kind": "dense", "dim": 2} for name in "ab"]
    table = {"name": "c", "kind": "categorical", "dim": 4, "hash_size": 9, "status": "essential"}  # and null
    spec = JobSpec.model_validate({"dataset": {"train": "t", "splits": {}}, "features": [*dense, table]})
    scores = {"a": 0.1, "b": 0.9, "c": 0.4}
    ranking = Ranking(names=("a", "b", "c"), scores=scores, probability_like=True, details={"x": scores})
    found = rank_features(spec, ranking)
    assert [(each.name, each.score, each.essential) for each in found] == [
        ("c", 1.0, True), ("a", 0.1, False), ("b", 0.9, False),
    ]  # fmt: skip
    assert [(each.embedding_bytes, each.bytes_per_example) for each in found] == [(160, 8), (0, 8), (0, 8)]
    assert found[0].details == {"x": 0.4}
    nats = rank_features(spec, replace(ranking, probability_like=False))
    assert nats[0].score == 0.4, "scores of another scale are the selector's own"
    with pytest.raises(ValueError, match="selector leap: 'c' is in the spec alone"):
        rank_features(spec, Ranking(names=("a", "b"), scores={"a": 1.0, "b": 0.0}, probability_like=True))


def test_one_feature_always_stays() -> None:
    low = in_order([score("a", 0.01), score("b", 0.02)])
    (best, other) = decide(low, PruneSpec(threshold=0.5), [])
    assert (best.name, best.keep, best.why) == ("b", True, "best")
    assert not other.keep


def test_prefixes_begin_with_essentials_and_end_with_all() -> None:
    assert ranking_prefixes(SCORES, 64) == [("id",), ("id", "a"), ("id", "a", "c"), ("id", "a", "c", "b")]
    many = in_order([score(f"f{i}", i / 100) for i in range(100)])
    sizes = [len(names) for names in ranking_prefixes(many, 10)]
    assert len(sizes) == 10
    assert (sizes[0], sizes[-1]) == (1, 100)


def test_the_smallest_set_within_delta_is_chosen() -> None:
    curve = [point("a", 0.60), point("ab", 0.5009), point("abc", 0.4999), point("abcd", 0.50)]
    assert smallest_within(curve, 0.001).features == 2
    assert smallest_within(curve, 0.0).features == 3
    scores = [score(name, 1 - i / 10) for i, name in enumerate("abcd")]
    found = decide(scores, PruneSpec(rule="curve", delta=0.001), curve)
    assert [decision.name for decision in found if decision.keep] == ["a", "b"]


def metrics(auc: float | None, logloss: float = 0.5) -> Quality:
    return Quality(auc=auc, gauc=None, logloss=logloss, ne=1.0, rows=10, base_rate=0.5)


def test_unpolarized_gates_are_never_reported_silently() -> None:
    middling = Polarization(low=0.0, middle=0.8, high=0.2, spread=0.1)
    assert str(gate_warning(middling)).startswith("80% of the gates lie between 0.1 and 0.9")
    assert str(gate_warning(middling)).endswith("or raise selector.alpha")
    assert str(gate_warning(middling, penalized=False)).endswith("; double training.epochs")
    assert str(gate_warning(middling, seeds=3)).startswith("80% of the gates, as means over 3 seeds, lie between 0.1")
    assert gate_diagnostics(middling) == {"low": 0.0, "middle": 0.8, "high": 0.2, "polarized": False}
    assert gate_warning(PARTED) is None
    assert gate_diagnostics(PARTED)["polarized"] is True


def test_a_search_that_left_more_open_than_its_target_says_so() -> None:
    open_scores = [score(f"f{at}", 0.9) for at in range(8)] + [score("shut", 0.1)]
    total = sum(s.dim for s in open_scores)
    share = sum(s.dim for s in open_scores[:-1]) / total
    assert target_warning(open_scores, None) is None
    assert target_warning(open_scores, share) is None
    said = target_warning(open_scores, 0.25)
    assert said is not None
    assert f"{share:.0%} of dims are still open where selector.target_dims asks for 25%" in said
    assert gate_warning(PARTED, said) == said


def make(threshold: float = 0.5) -> PruneList:
    rule = PruneSpec(threshold=threshold)
    decisions = decide(SCORES, rule, [])
    names = {decision.name for decision in decisions if decision.keep}
    quality = model_quality(metrics(0.8), metrics(0.7), metrics(0.8))
    return PruneList(
        name="x",
        selector=LEAP,
        features=list_features(SCORES, decisions),
        before=totals_of(SCORES, {s.name for s in SCORES}),
        after=totals_of(SCORES, names),
        metrics=quality,
        guard=evaluate_guard(rule.guard, quality),
        diagnostics={**gate_diagnostics(PARTED), "converged": True},
        fingerprints={"spec": "0"},
    ).with_id()


def test_a_list_is_named_by_its_content() -> None:
    assert make().id == make().id
    assert make().id != make(0.95).id
    assert (make().before.dims, make().after.dims) == (15, 14)
    assert PruneList.model_validate(json.loads(make().model_dump_json())) == make()
