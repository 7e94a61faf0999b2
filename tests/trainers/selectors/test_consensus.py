"""A consensus of given rankings, against numbers worked out by hand; and of searches, against each search's own."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.support.dying import DyingCheckpoints, KilledError
from tests.trainers.selectors.test_conformance import spec_of, write_data
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.sampling import draw_facts
from trainers.pipeline.search import Found
from trainers.pipeline.searches import open_search
from trainers.pipeline.selection import Selection
from trainers.report.page import render
from trainers.report.terminal import print_result
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.prune_list import PruneList, SelectorInfo
from trainers.selectors.base import Ranking
from trainers.selectors.combined.consensus import ConsensusSpec
from trainers.selectors.combined.consensus.agreement import Agreement, combine, compare
from trainers.selectors.combined.consensus.disagreement import Facts, explain, find_closest
from trainers.selectors.registry import SELECTORS
from trainers.spec import JobSpec, SpecError, parse_spec
from trainers.spec.consistency import find_unread
from trainers.spec.order import canonical_order
from trainers.training import checkpoint
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


def ranked(names: str, scores: Mapping[str, float] | None = None, *, gate: bool = False) -> Ranking:
    """Features of one letter each, best first; scores fall from 1 unless given."""
    own = {name: 1.0 - place / 10 for place, name in enumerate(names)} | dict(scores or {})
    details = {"mean_gate": own} if gate else {}
    return Ranking(names=tuple(names), scores=own, probability_like=gate, details=details)


def test_the_mean_rank_decides_and_spread_and_concordance_are_those_of_a_hand() -> None:
    """Ranks of a, b, c, d: 1 2 3 4, 2 1 4 3 and 1 3 2 4. Sums 4, 6, 9, 11, their mean 7.5: S = 29, and
    W = 12 · 29 / (9 · 60). As shares of the list, (R / 3 − 1) / 3: 1/9, 1/3, 2/3, 8/9."""
    rankings = {"x": ranked("abcd"), "y": ranked("badc"), "z": ranked("acbd")}
    found = combine(compare(rankings), rankings)
    assert found.names == ("a", "b", "c", "d")
    assert found.scores == pytest.approx({"a": 8 / 9, "b": 2 / 3, "c": 1 / 3, "d": 1 / 9})
    assert not found.probability_like
    assert found.details["rank_y"] == {"a": 2, "b": 1, "c": 4, "d": 3}
    assert found.details["rank_spread"] == pytest.approx({"a": 1 / 3, "b": 2 / 3, "c": 2 / 3, "d": 1 / 3})
    # Spearman is 1 − 6 Σd² / (4 · 15): Σd² of x and y 4, of x and z 2, of y and z 1 + 4 + 4 + 1.
    assert found.diagnostics == pytest.approx(
        {"kendall_w": 348 / 540, "spearman_x_y": 0.6, "spearman_x_z": 0.8, "spearman_y_z": 0.0}, abs=1e-12
    )


def test_features_that_a_method_scores_alike_share_their_rank() -> None:
    """y scores b, c and d alike: ranks 1, 3, 3, 3, T = 27 − 3. Sums 2, 5, 6, 7, their mean 5: S = 14, and
    W = 12 · 14 / (4 · 60 − 2 · 24)."""
    rankings = {"x": ranked("abcd"), "y": ranked("abcd", {"b": 0.0, "c": 0.0, "d": 0.0})}
    agreement = compare(rankings)
    np.testing.assert_array_equal(agreement.rank_MF, [[1, 2, 3, 4], [1, 3, 3, 3]])
    assert agreement.kendall_w == pytest.approx(168 / 192)


def test_a_gates_order_counts_where_its_scores_are_equal() -> None:
    open_ = {"a": 1.0, "b": 1.0, "c": 1.0}
    rankings = {"gate": ranked("cab", open_, gate=True), "y": ranked("abc", open_)}
    np.testing.assert_array_equal(compare(rankings).rank_MF, [[1, 2, 3], [2, 2, 2]])
    assert combine(compare(rankings), rankings).names == ("c", "a", "b")
    assert "spearman_gate_y" not in combine(compare(rankings), rankings).diagnostics, "y ranks nothing"


def test_of_equal_means_the_method_named_first_decides() -> None:
    rankings = {"x": ranked("ba"), "y": ranked("ab")}
    assert combine(compare(rankings), rankings).names == ("b", "a")
    assert combine(compare(rankings), rankings).diagnostics["kendall_w"] == 0
    alike = {"x": ranked("a"), "y": ranked("a")}
    assert combine(compare(alike), alike).scores == {"a": 1.0}


def test_essential_features_count_in_no_rank() -> None:
    """x puts the essential e first and y last: both say the same of the others."""
    rankings = {"x": ranked("eab"), "y": ranked("abe")}
    found = combine(compare(rankings, ["e"]), rankings)
    assert found.names == ("e", "a", "b")
    assert found.scores == {"e": 1.0, "a": 1.0, "b": 0.0}
    assert found.diagnostics["kendall_w"] == 1
    assert "e" not in found.details["rank_spread"]


FACTS = Facts(
    dims={"a": 4, "b": 4, "c": 64, "d": 4},
    at_default={"a": 0.1, "b": 0.97, "c": 0.0, "d": 0.2},
    closest={"a": ("d", 0.93), "b": ("a", 0.1), "c": ("a", 0.2), "d": ("a", 0.93)},
)


def test_disagreements_are_told_with_what_stands_out() -> None:
    """The first of the one is the last of the other; those between are one rank apart."""
    rankings = {"x": ranked("cabd"), "y": ranked("dbac")}
    assert explain(compare(rankings), FACTS)["disagreements"] == (
        "c is 1 by x and 4 by y of 4 (dim 64, median 4); d is 1 by y and 4 by x of 4 (|r| 0.93 with a)"
    )
    rankings = {"x": ranked("bca"), "y": ranked("cab")}
    plain = replace(FACTS, dims={"a": 4, "b": 4, "c": 4}, at_default={"a": 0.1, "b": 0.97, "c": 0.0})
    assert explain(compare(rankings), plain)["disagreements"] == (
        "b is 1 by x and 3 by y of 3 (at its default in 97% of rows)"
    )
    dull = replace(plain, at_default=dict.fromkeys("abc", 0.2))
    assert explain(compare(rankings), dull)["disagreements"] == (
        "b is 1 by x and 3 by y of 3 (neither wide, nor sparse, nor redundant)"
    )
    alike = {"x": ranked("abcd"), "y": ranked("abcd")}
    assert explain(compare(alike), FACTS) == {"disagreements": "none", "leanings": "none"}


def test_a_method_that_ranks_by_the_dim_is_said_to() -> None:
    """wide ranks 20 features by their dim alone; two others agree on an order that has nothing to do with it."""
    names = tuple("abcdefghijklmnopqrst")
    dims = {name: 2 * place + 1 for place, name in enumerate(names)}
    order_F = np.random.default_rng(0).permutation(len(names)) + 1.0
    by_dim_F = np.arange(len(names), 0.0, -1)
    agreement = Agreement(methods=("wide", "x", "y"), names=names, rank_MF=np.stack([by_dim_F, order_F, order_F]))
    none = dict.fromkeys(names, 0.0)
    facts = Facts(dims=dims, at_default=none, closest=dict.fromkeys(names, ("a", 0.0)))
    said = explain(agreement, facts)["leanings"].split("; ")
    assert len(said) == 3
    assert said[0].startswith("wide ranks wide features higher (ρ +0.")
    assert said[1].startswith("x ranks wide features lower (ρ -0.")
    # Where no method is moved by the dim, nothing is told.
    calm = replace(agreement, rank_MF=np.stack([order_F, order_F, order_F]))
    assert explain(calm, facts)["leanings"] == "none"


def test_the_closest_is_another_feature() -> None:
    size_FF = np.array([[1.0, 0.2, 0.9], [0.2, 1.0, 0.1], [0.9, 0.1, 1.0]])
    assert find_closest(["a", "b", "c"], size_FF) == {"a": ("c", 0.9), "b": ("a", 0.2), "c": ("a", 0.9)}
    assert find_closest(["a"], np.ones((1, 1))) == {"a": ("a", 0.0)}


def test_facts_are_those_of_the_rows(tmp_path: Path) -> None:
    """Of the conformance suite's data: copy, witness and rumour hear the label with 2%, 20% and 25% of errors."""
    write_data(tmp_path)
    facts = draw_facts(spec_of("permutation", tmp_path), 4096)
    assert facts.dims == {"constant": 1, "copy": 1, "witness": 2, "stays": 2, "rumour": 2}
    assert facts.closest["constant"][1] == 0
    # (1 − 2 · 0.02)(1 − 2 · 0.2) and so on.
    assert facts.closest["witness"] == ("copy", pytest.approx(0.576, abs=0.04))
    assert facts.closest["copy"][0] == "witness"
    assert facts.at_default["constant"] == 0, "3.0, and the default is 0"


# --- the search


MEMBERS = ["leap", "permutation", "mutual_information"]


def consensus(folder: Path, *, seeds: int = 1) -> JobSpec:
    members = [spec_of(name, folder).selector.model_dump(mode="json") for name in MEMBERS]
    raw = spec_of("permutation", folder).model_dump(mode="json") | {"selector": {"name": "consensus", "of": members}}
    raw["training"] |= {"epochs": 2, "report_every": 5, "seeds": seeds}
    return parse_spec(raw)


class Searches:
    """One search each; two epochs of 20 steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_data(folder)

    @cache  # noqa: B019 - the object lives as long as the module's tests
    def of(self, name: str) -> tuple[Found, Coordinator]:
        spec = consensus(self.folder)
        if name != "consensus":
            member = spec.selector.members[MEMBERS.index(name)]
            spec = spec.model_copy(update={"selector": member})
        return search(spec, DirectoryCheckpoints(self.folder / name))


def search(spec: JobSpec, checkpoints: DirectoryCheckpoints, attempt: int = 0) -> tuple[Found, Coordinator]:
    ranks, coordinator = RankContext(attempt=attempt), Coordinator(tuple(spec.dims))
    found = open_search(spec, ranks, coordinator, checkpoints).run(DataLoaders.open(spec, ranks))
    return found, coordinator


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    return Searches(tmp_path_factory.mktemp("consensus"))


def test_it_is_what_its_members_say_alone(searches: Searches) -> None:
    found, _ = searches.of("consensus")
    own = {name: searches.of(name)[0].ranking for name in MEMBERS}
    expected = combine(compare(own, ["stays"]), own)
    assert (found.ranking.names, found.ranking.scores) == (expected.names, expected.scores)
    assert found.ranking.details == expected.details
    said = found.ranking.diagnostics
    assert {name: said[name] for name in expected.diagnostics} == expected.diagnostics
    assert said["permutation_passes"] == own["permutation"].diagnostics["passes"]
    assert said["leanings"] == "none", "four features are too few to say"
    # The pruned model is cut from the plainly trained one, which is the guard's full model too.
    assert found.full is found.model
    mine, plain = (each.backbone.state_dict() for each in (found.model, searches.of("permutation")[0].model))
    assert all(np.array_equal(mine[key].numpy(), plain[key].numpy()) for key in plain)


def test_steps_and_gates_of_every_part_are_counted(searches: Searches) -> None:
    found, coordinator = searches.of("consensus")
    assert found.steps == coordinator.steps_counted == 80
    assert [each.step for each in coordinator.history()] == list(range(5, 41, 5))
    for ours, theirs in zip(coordinator.history(), searches.of("leap")[1].history(), strict=True):
        np.testing.assert_array_equal(ours.gate_F, theirs.gate_F)
    (newest,) = (searches.folder / "consensus").glob("step-*")
    assert checkpoint.read_finished(newest).parts == (searches.of("leap")[0].ranking,)


@pytest.mark.parametrize("at", [20, 40, 60, 80])
def test_killed_in_any_part_or_between_two_it_ends_as_an_unbroken_one(
    at: int, searches: Searches, tmp_path: Path
) -> None:
    spec, (whole, unbroken) = consensus(searches.folder), searches.of("consensus")
    with pytest.raises(KilledError):
        search(spec, DyingCheckpoints(tmp_path, at=at))
    resumed, coordinator = search(spec, DirectoryCheckpoints(tmp_path), attempt=1)
    assert resumed.ranking == whole.ranking
    assert coordinator.steps_counted == unbroken.steps_counted
    assert [each.step for each in coordinator.history()] == [each.step for each in unbroken.history()]


def test_over_seeds_it_is_the_mean_of_each_seeds(searches: Searches, tmp_path: Path) -> None:
    spec = consensus(searches.folder, seeds=2)
    with pytest.raises(KilledError):  # within the second method of the second seed
        search(spec, DyingCheckpoints(tmp_path / "both", at=140))
    found, coordinator = search(spec, DirectoryCheckpoints(tmp_path / "both"), attempt=1)
    other = spec.model_copy(update={"training": spec.training.model_copy(update={"seed": 2, "seeds": 1})})
    each = [searches.of("consensus")[0].ranking, search(other, DirectoryCheckpoints(tmp_path / "other"))[0].ranking]
    assert found.ranking.scores == pytest.approx(
        {name: (each[0].scores[name] + each[1].scores[name]) / 2 for name in each[0].names}
    )
    assert found.ranking.diagnostics["seeds"] == 2
    assert coordinator.steps_counted == 160
    assert [snapshot.seed_number for snapshot in coordinator.history()] == [1] * 8 + [3] * 8


def test_a_run_says_where_its_selectors_disagree(searches: Searches, tmp_path: Path) -> None:
    spec = canonical_order(consensus(searches.folder))
    coordinator = Coordinator(tuple(spec.dims))
    outcome = Selection(spec, RankContext(), coordinator, DirectoryCheckpoints(searches.folder / "consensus")).run()
    assert outcome is not None
    coordinator.finish(0, outcome)
    run = RunDirectory(tmp_path)
    write_json(run.spec, spec.model_dump(mode="json"))
    listed = write_results(spec, run, coordinator, {"total": 1.0})
    assert listed.selector == SelectorInfo(name="consensus", family="consensus", probability_like=False)
    assert [feature.name for feature in listed.features] == ["stays", "copy", "witness", "rumour", "constant"]
    assert listed.features[1].details == {
        "rank_leap": 1, "rank_permutation": 1, "rank_mutual_information": 1, "rank_spread": 0,
    }  # fmt: skip
    found = PruneList.parse(json.loads(run.prune_list.read_text(encoding="utf-8")))
    assert found.diagnostics["disagreements"] == listed.diagnostics["disagreements"]
    render(run)
    console = Console(width=200, record=True, file=io.StringIO())
    print_result(run, None, console)
    said = console.export_text()
    assert "Features by consensus: " in said
    assert "rank spread" in said
    assert f"selector consensus: kendall w {found.diagnostics['kendall_w']:.3g}" in said.replace("\n", " ")
    (statement, *_) = str(found.diagnostics["disagreements"]).split("; ")
    assert f"disagreements:\n  {statement}\n" in said
    assert f"<p>Disagreements:</p>\n<ul>\n<li>{statement}</li>" in run.report.read_text(encoding="utf-8")


# --- the spec


def job(selector: object, **changes: object) -> JobSpec:
    base = {"dataset": {"train": "t", "splits": {}}, "features": [{"name": "a", "kind": "dense"}]}
    return parse_spec({**base, "selector": selector, **changes})


def test_members_are_names_or_options_and_are_told_apart() -> None:
    spec = job({"name": "consensus", "of": ["shark", {"name": "shark", "rounds": 3}, "leap"]})
    assert isinstance(spec.selector, ConsensusSpec)
    assert spec.selector.labels == ("shark", "shark_2", "leap")
    assert [type(member) for member in spec.selector.of] == [SELECTORS["shark"], SELECTORS["shark"], SELECTORS["leap"]]
    assert spec.prune.rule == "curve"
    assert parse_spec(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (["leap"], "selector.of: give at least 2"),
        ("leap", "selector.of: give a list"),
        (["leap", "nobody"], "selector.of.1: name: choose one of 'adafs', "),
        (["leap", "consensus"], "selector.of.1: name: choose one of 'adafs', "),
        (["shark", {"name": "leap", "alhpa": 1}], "selector.of.1.alhpa: unknown key"),
        (["shark", {"name": "shark", "rounds": 8}], "selector: `of` has 'shark' with the same options more than once"),
        (["shark", {"name": "leap", "granularity": "dim"}], "selector: `of` has 'leap' with granularity dim"),
        (["shark", {"name": "leap", "update": "progressive"}], "selector: `of` has 'leap' with update progressive"),
    ],
)
def test_what_does_not_make_a_consensus_is_refused(of: object, said: str) -> None:
    with pytest.raises(SpecError) as raised:
        job({"name": "consensus", "of": of})
    assert said in str(raised.value)


def test_what_holds_of_one_selector_holds_of_each() -> None:
    with pytest.raises(SpecError, match=r"`training.seeds` is 2, and selector consensus trains no model"):
        job({"name": "consensus", "of": ["chi2", "pearson"]}, training={"seeds": 2})
    rows = [{"name": "stg", "order": "elimination"}, {"name": "adafs", "order": "elimination"}]
    spec = job({"name": "consensus", "of": rows}, training={"max_steps": 5})
    assert [line.partition(":")[0] for line in find_unread(spec)] == ["selector.of.1.order"]
    plain = job({"name": "consensus", "of": ["shark", "permutation"]}, training={"max_steps": 5})
    assert [line.partition(":")[0] for line in find_unread(plain)] == ["training.max_steps"]
