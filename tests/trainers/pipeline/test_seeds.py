"""A search over several seeds: it is what searches of one seed each say together, wherever it is killed."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist

from tests.support.dying import DyingCheckpoints, KilledError
from tests.support.ranks import ranks
from tests.trainers.selectors.test_conformance import spec_of, write_data
from tests.trainers.training.test_workers import SharedCoordination
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.search import Found
from trainers.pipeline.searches import open_search
from trainers.pipeline.selection import Selection
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory
from trainers.selectors.aggregation import aggregate
from trainers.selectors.base import Interaction, Ranking
from trainers.spec import JobSpec, SpecError, parse_spec
from trainers.training import checkpoint
from trainers.training.checkpoint import DirectoryCheckpoints, Finished
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

# Steps of one seed: two epochs of 2,560 rows in batches of 128. A checkpoint is saved after each epoch.
STEPS, EPOCH = 40, 20


@dataclass
class Searched:
    found: Found
    coordinator: Coordinator
    checkpoints: Path


def seeded(folder: Path, name: str = "leap", *, seed: int = 1, seeds: int = 2, world: int = 1) -> JobSpec:
    raw = spec_of(name, folder, world).model_dump(mode="json")
    raw["training"] |= {"seed": seed, "seeds": seeds, "epochs": 2, "report_every": 5}
    return parse_spec(raw)


def search(spec: JobSpec, checkpoints: DirectoryCheckpoints, attempt: int = 0) -> Searched:
    ranks, coordinator = RankContext(attempt=attempt), Coordinator(tuple(spec.dims))
    found = open_search(spec, ranks, coordinator, checkpoints).run(DataLoaders.open(spec, ranks))
    return Searched(found, coordinator, checkpoints.path)


@dataclass
class Searches:
    folder: Path

    @cache  # noqa: B019 - the object lives as long as the module's tests
    def of(self, name: str, seed: int, seeds: int) -> Searched:
        checkpoints = DirectoryCheckpoints(self.folder / f"{name}-{seed}-{seeds}")
        return search(seeded(self.folder, name, seed=seed, seeds=seeds), checkpoints)

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    folder = tmp_path_factory.mktemp("seeds")
    write_data(folder)
    return Searches(folder)


@pytest.mark.parametrize("name", ["leap", "permutation"])
def test_the_ranking_is_that_of_searches_of_one_seed_each(name: str, searches: Searches) -> None:
    both, first, second = searches.of(name, 1, 2), searches.of(name, 1, 1), searches.of(name, 2, 1)
    assert first.found.ranking.scores != second.found.ranking.scores
    assert both.found.ranking == aggregate([first.found.ranking, second.found.ranking])
    assert "seeds" not in first.found.ranking.diagnostics
    mine, own = (each.found.model.backbone.state_dict() for each in (both, first))
    assert all(np.array_equal(mine[key].numpy(), own[key].numpy()) for key in own), "not the first seed's model"


def test_the_first_seed_is_trained_last_and_steps_are_counted_through(searches: Searches) -> None:
    both, first, second = (searches.of("leap", *which).coordinator for which in ((1, 2), (1, 1), (2, 1)))
    expected = [*second.history(), *first.history()]
    assert [each.step for each in both.history()] == [*range(5, STEPS + 1, 5), *range(STEPS + 5, 2 * STEPS + 1, 5)]
    for ours, theirs in zip(both.history(), expected, strict=True):
        np.testing.assert_array_equal(ours.gate_F, theirs.gate_F)
    assert [each.step for each in both.of_newest_seed] == list(range(STEPS + 5, 2 * STEPS + 1, 5))
    told, alone = both.convergence(), [each.convergence() for each in (first, second)]
    assert told is not None
    assert told.gates == all(each is not None and each.gates for each in alone)
    assert [each.seed_number for each in both.history()] == [1] * 8 + [2] * 8
    assert both.steps_counted == 2 * STEPS


def test_a_checkpoint_of_one_seed_is_as_it_was(searches: Searches) -> None:
    (newest,) = searches.of("leap", 1, 1).checkpoints.glob("step-*")
    assert {path.name for path in newest.iterdir() if path.suffix != ".distcp"} == {
        ".metadata", "data.json", "history.npz",
    }  # fmt: skip
    (newest,) = searches.of("leap", 1, 2).checkpoints.glob("step-*")
    assert newest.name == f"step-{2 * STEPS:012d}"
    finished = checkpoint.read_finished(newest)
    assert finished == Finished((searches.of("leap", 2, 1).found.ranking,), STEPS)


@pytest.mark.parametrize("at", [EPOCH, STEPS, STEPS + EPOCH, 2 * STEPS])
@pytest.mark.parametrize("name", ["leap", "permutation"])
def test_a_search_killed_within_a_seed_or_between_two_ends_as_an_unbroken_one(
    name: str, at: int, searches: Searches, tmp_path: Path
) -> None:
    whole, spec = searches.of(name, 1, 2), seeded(searches.folder, name)
    with pytest.raises(KilledError):
        search(spec, DyingCheckpoints(tmp_path, at=at))
    resumed = search(spec, DirectoryCheckpoints(tmp_path), attempt=1)
    assert resumed.found.ranking == whole.found.ranking
    assert resumed.coordinator.steps_counted == whole.coordinator.steps_counted
    for ours, theirs in zip(resumed.coordinator.history(), whole.coordinator.history(), strict=True):
        np.testing.assert_array_equal(ours.gate_F, theirs.gate_F)
        assert ours.seed_number == theirs.seed_number


@ranks(2)
def check_two_ranks(folder: str, told: str) -> None:
    """The last checkpoint of one rank's search is ranked alike, and a search of two ranks gives both the same."""
    own = RankContext(rank=dist.get_rank(), world=2, local_world=2, attempt=1)
    spec = seeded(Path(folder), world=2)
    for path, expected in ((Path(folder) / "leap-1-2", told), (Path(folder) / "two", None)):
        coordination = SharedCoordination(own, tuple(spec.dims))
        loaders = DataLoaders.open(spec, own)
        ranking = open_search(spec, own, coordination, DirectoryCheckpoints(path, own)).run(loaders).ranking
        found = json.dumps(asdict(ranking))
        assert expected is None or found == expected
        assert own.broadcast(found) == found
        assert ranking.diagnostics["seeds"] == 2
        assert 0 < ranking.details["mean_gate"]["copy"] <= 1


def test_two_ranks_rank_as_one_does(searches: Searches) -> None:
    check_two_ranks(str(searches.folder), json.dumps(asdict(searches.of("leap", 1, 2).found.ranking)))


def test_a_run_says_how_far_its_seeds_agree(searches: Searches, tmp_path: Path) -> None:
    spec = seeded(searches.folder)
    coordinator = Coordinator(tuple(spec.dims))
    outcome = Selection(spec, RankContext(), coordinator, DirectoryCheckpoints(tmp_path / "checkpoints")).run()
    assert outcome is not None
    coordinator.finish(0, outcome)
    found = write_results(spec, RunDirectory(tmp_path), coordinator, {"total": 1.0})
    ranking = searches.of("leap", 1, 2).found.ranking
    others = [feature for feature in found.features if feature.name != "stays"]
    assert [feature.name for feature in others] == [name for name in ranking.names if name != "stays"]
    for feature in others:
        assert feature.score == pytest.approx(ranking.scores[feature.name])
        assert feature.details["selection_frequency"] in (0.0, 0.5, 1.0)
        assert (feature.decision == "keep") == (feature.score >= 0.5)
    assert found.diagnostics["seeds"] == 2
    assert {"seed_rank_correlation", "seed_jaccard"} <= found.diagnostics.keys()
    # Eight reports a seed are fewer than gates have to rest over. What the ranking itself warns of comes first.
    assert found.warning == outcome.warning or outcome.warning is None
    coordinator.outcome = outcome.model_copy(update={"warning": None})
    told = write_results(spec, RunDirectory(tmp_path), coordinator, {"total": 1.0}).warning
    begin = (
        f"gates were still moving when the searches of 2 of 2 seeds ended: over the last 8 reports of {STEPS} steps, "
    )
    assert told is not None
    assert told.startswith(begin + "where they moved most, ")


def test_rankings_beside_a_checkpoint_are_read_as_they_were(tmp_path: Path) -> None:
    ranking = Ranking(
        names=("b", "a"),
        scores={"a": 0.1 + 0.2, "b": 1 / 3},
        probability_like=True,
        details={"drop_cost": {"b": 5e-324}},
        diagnostics={"polarized": True, "passes": 3.0, "note": "é"},
        interactions=(Interaction(features=("a", "b"), importance=0.7),),
    )
    checkpoint.write_finished(tmp_path, Finished().add(ranking, 7).add(ranking, 8))
    assert checkpoint.read_finished(tmp_path) == Finished((ranking, ranking), 15)
    assert checkpoint.read_finished(tmp_path / "other") == Finished()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"selector": {"name": "mutual_information"}, "training": {"seeds": 2}}, "raise selector.sample_rows"),
        ({"training": {"seeds": 3, "seed": 2**63 - 2}}, "9223372036854775808, is beyond the largest seed"),
        ({"training": {"seeds": 0}}, "training.seeds"),
    ],
)
def test_seeds_that_change_nothing_or_do_not_exist_are_refused(parts: dict[str, object], message: str) -> None:
    base = {"dataset": {"train": "t", "splits": {}}, "features": [{"name": "a", "kind": "dense"}]}
    with pytest.raises(SpecError, match=message):
        parse_spec({**base, **parts})
