"""The experiments behind docs/results.md: a short form of each, and the long ones marked slow."""

import json
import os
from pathlib import Path

import pytest
import torch.distributed as dist

from tests.experiments import gate_speed, movielens, simulator, startup, steps, structure
from tests.experiments.search import rank
from tests.experiments.source import Checkout
from tests.support.ranks import ranks
from tests.support.repository import ROOT
from trainers.datasets.movielens import prepare_100k
from trainers.simulator import simulate
from trainers.spec import load_spec
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore")
SHARED = Path(os.environ.get("WINNOW_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not (SHARED / "ml-100k").is_dir(), reason=f"no MovieLens under {SHARED}")


def test_a_small_simulation_loses_nothing_useful_and_keeps_little_that_is_not() -> None:
    found = simulator.select(features=24, rows=20_000, seed=1)
    assert not found.lost
    assert len(found.left) <= 1
    assert found.auc("finetuned") >= found.auc("full") - 0.001


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
def test_the_simulation_loses_nothing_useful_and_keeps_nothing_that_is_not(seed: int) -> None:
    found = simulator.select(features=60, rows=200_000, seed=seed)
    assert not found.lost
    assert len(found.left) <= 0.05 * found.useless
    assert found.auc("finetuned") >= found.auc("full") - 0.001


@needs_data
def test_on_movielens_user_and_movie_come_first_and_timestamp_does_not(tmp_path: Path) -> None:
    spec = load_spec(prepare_100k(SHARED / "ml-100k", tmp_path / "ml"))
    scores = rank(spec, target_dims=2 / 9)
    assert {score.name for score in scores[:2]} == {"user_id", "movie_id"}


@needs_data
@pytest.mark.slow
def test_on_movielens_the_choice_at_two_and_at_four_fields_is_worth_what_it_should(tmp_path: Path) -> None:
    aucs: dict[int, list[float]] = {2: [], 4: []}
    for seed in range(4):
        spec = load_spec(prepare_100k(SHARED / "ml-100k", tmp_path / str(seed), seed=seed))
        for count, found in aucs.items():
            found.append(movielens.worth(spec, movielens.choose(spec, count)))
    assert all(sum(found) / len(found) >= 0.775 for found in aucs.values())


@ranks(2)
def measure_on_two_ranks(folder: str) -> None:
    steps.measure(RankContext(rank=dist.get_rank(), world=2, local_world=2), folder, rounds=1, steps=10)


def test_steps_are_timed_on_one_rank_and_on_two(tmp_path: Path) -> None:
    simulate(features=16, rows=8000, seed=0, output=tmp_path / "ml")
    steps.measure(RankContext(), str(tmp_path), rounds=1, steps=10)
    measure_on_two_ranks(str(tmp_path))
    for world in (1, 2):
        rates = json.loads((tmp_path / f"{world}.json").read_text(encoding="utf-8"))
        assert set(rates) == {"no gate", "gate, joint", "gate, bilevel"}
        assert all(rate > 0 for rate in rates.values())


@pytest.mark.skipif(not (structure.ROOT / ".git").exists(), reason=f"{structure.ROOT} is no git checkout")
def test_this_repository_has_no_import_cycles_of_modules() -> None:
    table = structure.measure([Checkout(structure.ROOT)]).splitlines()
    assert "| import cycles of modules | 0 |" in table
    assert "| `sharding` imports `trainers` or `service` | 0 |" in table


def test_start_up_is_timed_by_stage(tmp_path: Path) -> None:
    spec = startup.prepare(tmp_path / "data", features=10, rows=2000)
    found = startup.measure(spec, tmp_path / "run", workers=1, on_ray=False)
    assert 0 < found.data_checked < found.workers_up < found.searching < found.first_step < found.end


def test_the_gate_alone_costs_less_than_the_straightforward_way_and_steps_run() -> None:
    """Processor time: other processes share this machine. What it measures at full size is far lower."""
    layout = gate_speed.layout_of({1: 40, 8: 10, 16: 20, 64: 4, 256: 1})
    found = gate_speed.medians(gate_speed.alone(layout, 512), rounds=5, clock="cpu")
    assert found["gate"] < 0.5 * found["straightforward"]
    spec = gate_speed.spec_of({1: 4, 8: 2, 16: 2}, (8,))
    steps = gate_speed.medians(gate_speed.steps(spec, 64), rounds=1, clock="wall")
    assert min(steps.values()) > 0
    assert set(steps) == {"without", "joint", "bilevel"}
