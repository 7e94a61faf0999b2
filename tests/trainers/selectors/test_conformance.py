"""What every selector of the registry does alike, whatever its family: one suite, and no test of a selector's own."""

import json
import math
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch.distributed as dist

from sharding.layout import split_dim
from tests.support.dying import DyingCheckpoints, KilledError
from tests.support.ranks import ranks
from trainers.models.ranking import PlainModel
from trainers.pipeline.search import ModelSearch, Search
from trainers.pipeline.searches import open_search
from trainers.pruning.ranking import rank_features
from trainers.pruning.rules import decide
from trainers.runs.coordinator import Coordinator
from trainers.selectors.base import GateSpec, Ranking, SelectorSpec, SensitivitySpec, TabularSpec
from trainers.selectors.registry import SELECTORS
from trainers.spec import JobSpec, PruneSpec
from trainers.spec.order import canonical_order
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

BATCH = 128
BY_DIM = ":dim"
# Every selector, and those with gates of dims a second time.
CASES = [
    *SELECTORS,
    *(f"{name}{BY_DIM}" for name, kind in SELECTORS.items() if issubclass(kind, GateSpec) and kind.gates_dims),
]
# Options of selectors that a test has no time for.
CHEAP = {"forests": 3, "trees": 10}
# The label is heard by each of these with errors of its own, so that none makes another useless.
HEARD = {"copy": 0.02, "witness": 0.2, "rumour": 0.25}


def write_data(folder: Path) -> None:
    random = np.random.default_rng(7)
    for part, rows in (("train", 2560), ("validation", 800), ("test", 400)):
        label_N = random.integers(0, 2, rows)
        columns: dict[str, Any] = {
            "label": label_N,
            "constant": np.full(rows, 3.0),
            "stays": random.integers(0, 5, rows),
        }
        for name, error in HEARD.items():
            columns[name] = np.where(random.random(rows) < error, 1 - label_N, label_N)
        columns["copy"] = columns["copy"].astype(np.float64)
        columns["rumour"] = [[int(heard), 2] for heard in columns["rumour"]]
        pq.write_table(pa.table(columns), folder / f"{part}.parquet")


def kind_of(case: str) -> type[SelectorSpec]:
    """The selector of a case: its name, followed by `:dim` where its gates stand on dims."""
    return SELECTORS[case.removesuffix(BY_DIM)]


def features_of(names: Iterable[str]) -> list[str]:
    """Of ranked features, or of ranked dims in the order of the best."""
    return list(dict.fromkeys(split_dim(name)[0] for name in names))


def spec_of(case: str, folder: Path, world: int = 1) -> JobSpec:
    """A search of seconds. The essential feature is noise."""
    name = case.removesuffix(BY_DIM)
    selector: dict[str, Any] = {"name": name}
    if name != case:
        selector["granularity"] = "dim"
    if issubclass(SELECTORS[name], GateSpec):
        selector |= {"learning_rate": 0.05, "warmup": 0.2}
        if "alpha" in SELECTORS[name].model_fields:
            selector["alpha"] = 0.01
    if "forests" in SELECTORS[name].model_fields:
        selector |= {"forests": 5, "trees": 20}
    selector |= {option: few for option, few in CHEAP.items() if option in SELECTORS[name].model_fields}
    if "of" in SELECTORS[name].model_fields:
        selector["of"] = [spec_of(each, folder).selector.model_dump(mode="json") for each in ("leap", "permutation")]
    ids = {"dim": 2, "hash_size": 5, "ids": "checked"}
    raw = {
        "dataset": {part: str(folder / f"{part}.parquet") for part in ("train", "validation", "test")},
        "features": [
            {"name": "constant", "kind": "dense"},
            {"name": "copy", "kind": "dense"},
            {"name": "witness", "kind": "categorical", **ids},
            {"name": "stays", "kind": "categorical", "status": "essential", **ids},
            {"name": "rumour", "kind": "multi_categorical", **ids},
        ],
        "model": {"backbone": "mlp", "hidden": [8]},
        "selector": selector,
        "training": {
            "batch_size": BATCH // world, "epochs": 8, "learning_rate": 0.02, "embedding_learning_rate": 0.1, "seed": 1,
        },
    }  # fmt: skip
    return canonical_order(JobSpec.model_validate(raw))


def search(spec: JobSpec, ranks: RankContext, checkpoints: DirectoryCheckpoints) -> Ranking:
    coordinator = Coordinator(tuple(spec.dims))
    return open_search(spec, ranks, coordinator, checkpoints).run(DataLoaders.open(spec, ranks)).ranking


def trains_plainly(name: str) -> bool:
    """Whether the selector's model is trained as any model is: such selectors share one."""
    kind = kind_of(name)
    return issubclass(kind, TabularSpec) or (
        issubclass(kind, SensitivitySpec) and kind.model_validate({"name": name}).training_term() is None
    )


# Selectors whose training differs: to be resumed is a matter of training.
PLAIN = [name for name in CASES if trains_plainly(name)]
TRAINED = [name for name in CASES if name not in PLAIN] + ["permutation", "mutual_information"]


@dataclass
class Searches:
    """One search a selector, its checkpoints kept; one training for all that train plainly."""

    folder: Path
    ranks: RankContext = field(default_factory=RankContext)

    @cache  # noqa: B019 - the object lives as long as the module's tests
    def of(self, name: str) -> Ranking:
        spec = self.spec(name)
        if not trains_plainly(name):
            return search(spec, self.ranks, DirectoryCheckpoints(self.folder / name))
        opened = self.open(spec)
        assert isinstance(opened, ModelSearch)
        return opened.rank(*self.plain)

    @cached_property
    def plain(self) -> tuple[PlainModel, DataLoaders]:
        spec = self.spec("permutation")
        loaders = DataLoaders.open(spec, self.ranks)
        return self.open(spec).run(loaders).model, loaders

    def open(self, spec: JobSpec) -> Search:
        coordinator = Coordinator(tuple(spec.dims))
        return open_search(spec, self.ranks, coordinator, DirectoryCheckpoints(self.folder / "plain"))

    def spec(self, name: str) -> JobSpec:
        return spec_of(name, self.folder, self.ranks.world)

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    folder = tmp_path_factory.mktemp("selectors")
    write_data(folder)
    return Searches(folder)


def test_options_round_trip_without_torch(tmp_path: Path) -> None:
    code = """
import json, sys
from trainers.selectors.registry import SELECTORS
from trainers.spec import JobSpec
base = json.loads(sys.argv[1])
for name, kind in SELECTORS.items():
    spec = JobSpec.model_validate({**base, "selector": {"name": name}})
    assert type(spec.selector) is kind, name
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec, name
    assert kind.family in ("gate", "sensitivity", "tabular", "consensus"), name
    assert kind.probability_like or spec.prune.rule == "curve", name
assert not {"torch", "torchrec", "sklearn", "pandas"} & set(sys.modules), "heavy imports"
"""
    base = {"dataset": {"train": "t", "splits": {}}, "features": [{"name": "a", "kind": "dense"}]}
    ended = subprocess.run([sys.executable, "-c", code, json.dumps(base)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", CASES)
def test_a_copy_of_the_label_is_first_and_a_constant_last(name: str, searches: Searches) -> None:
    names = [each for each in features_of(searches.of(name).names) if each != "stays"]
    assert (names[0], names[-1]) == ("copy", "constant"), searches.of(name)


@pytest.mark.parametrize("name", CASES)
def test_essential_features_stay_whatever_they_score(name: str, searches: Searches) -> None:
    ranking = searches.of(name)
    features = rank_features(spec_of(name, searches.folder), ranking)
    others = [each for each in ranking.names if features_of([each]) != ["stays"]]
    essential = [each for each in ranking.names if each not in others]
    assert [each.name for each in features] == [*essential, *others]
    decisions = decide(features, PruneSpec(rule="top_k", top_k=1), [])
    assert [decision.name for decision in decisions if decision.keep] == essential
    assert len(essential) == (2 if name.endswith(BY_DIM) else 1)
    if kind_of(name).probability_like:
        assert features[0].score == 1


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_is_finite(name: str, searches: Searches) -> None:
    ranking = searches.of(name)
    assert ranking.probability_like == kind_of(name).probability_like
    values = [ranking.scores, *ranking.details.values()]
    assert set(ranking.scores) == set(ranking.names)
    numbers = [number for each in values for number in each.values()]
    assert all(math.isfinite(number) for number in [*numbers, *ranking.diagnostics.values()] if number != str(number))
    if ranking.probability_like:
        assert all(0 <= score <= 1 for score in ranking.scores.values())
    json.dumps(asdict(ranking), allow_nan=False)


@pytest.mark.parametrize("name", TRAINED)
def test_a_killed_search_ends_as_an_unbroken_one(name: str, searches: Searches, tmp_path: Path) -> None:
    spec = spec_of(name, searches.folder)
    with pytest.raises(KilledError):
        search(spec, RankContext(), DyingCheckpoints(tmp_path, nth=2))
    assert search(spec, RankContext(attempt=1), DirectoryCheckpoints(tmp_path)) == searches.of(name)


@ranks(2)
def check_two_ranks(folder: str, expected: dict[str, str]) -> None:
    """Each search was over: two ranks read its last checkpoint, and what is left is to rank."""
    ranks = RankContext(rank=dist.get_rank(), world=2, local_world=2, attempt=1)
    searches = Searches(Path(folder), ranks)
    for name, told in expected.items():
        assert json.dumps(asdict(searches.of(name))) == told, name


@pytest.mark.parametrize(
    "names",
    [PLAIN, *([name] for name in CASES if name not in PLAIN)],
    ids=lambda names: names[0] if len(names) == 1 else "plain",
)
def test_two_ranks_rank_as_one_does(names: list[str], searches: Searches) -> None:
    check_two_ranks(str(searches.folder), {name: json.dumps(asdict(searches.of(name))) for name in names})
