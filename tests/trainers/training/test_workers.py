"""Many workers do what one would: a whole selection on two ranks beside one rank, the gate's price, every update."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from pydantic import ValidationError
from torch import nn

from sharding.layout import FeatureLayout
from tests.support.dying import DyingCheckpoints, KilledError
from tests.support.ranks import ranks
from trainers.models.batch import Batch
from trainers.models.ranking import GatedModel
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.search import GateSearch, SeedRun
from trainers.pipeline.selection import Selection
from trainers.runs.coordinator import Coordinator, Report, Snapshot
from trainers.runs.directory import RunDirectory
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.runs.prune_list import PruneList
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.leap.gate import LeapGate
from trainers.simulator import simulate
from trainers.spec import JobSpec, load_spec
from trainers.spec.order import canonical_order
from trainers.training.build import build_gated
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.gate_trainer import GateTrainer
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

EPOCHS, ROWS, GLOBAL_BATCH = 12, 8000, 256
TRAINING_ROWS = ROWS * 8 // 10
# What these are worth lies beneath the noise of 6,400 rows: the seed alone decides on them.
UNDECIDED = ("scalar_03", "id_01")


class SharedCoordination:
    """A coordinator on rank 0 that every rank speaks to; reports and answers travel by collectives."""

    def __init__(self, ranks: RankContext, names: tuple[str, ...]) -> None:
        self.ranks = ranks
        self.coordinator = Coordinator(names)

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> None:
        if self.ranks.is_leader:
            self.coordinator.begin(attempt, world, step, saved)

    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> None:
        if self.ranks.is_leader:
            self.coordinator.enter(attempt, stage, total_steps)

    def begin_seed(self, attempt: int, number: int, seeds: int) -> None:
        if self.ranks.is_leader:
            self.coordinator.begin_seed(attempt, number, seeds)

    def report(self, report: Report) -> None:
        for each in self.ranks.gather(report) or ():
            assert self.coordinator.report(each), "a report was refused"

    def advance(self, attempt: int, step: int) -> None:
        self.coordinator.advance(attempt, step)

    def flush(self) -> None:
        """Reports arrive at once."""

    def history(self) -> list[Snapshot]:
        return self.coordinator.history()

    def mean_gate(self, warmup: int) -> Any:
        return self.ranks.broadcast(self.coordinator.mean_gate(warmup) if self.ranks.is_leader else None)


class WatchedSearch(GateSearch):
    """Remembers what each rank holds of what all should hold alike when the search ends."""

    def train(self, model: GatedModel, run: SeedRun) -> GateTrainer:
        search = super().train(model, run)
        replicated = {part: state for part, state in search.state().items() if part != "embeddings"}
        self.replica = {
            f"{part}.{name}": value.clone()
            for part, state in replicated.items()
            for name, value in state.items()
            if isinstance(value, torch.Tensor)
        }
        return search


@dataclass
class Run:
    """What a selection left: at rank 0 the coordinator, the outcome and the prune list; on each rank its replica."""

    coordinator: Coordinator
    outcome: Outcome
    prune_list: PruneList
    replicas: list[dict[str, torch.Tensor]]

    @property
    def kept(self) -> set[str]:
        return set(self.prune_list.kept)

    def divergence(self) -> dict[str, float]:
        last = self.coordinator.history()[-1]
        return dict(zip(self.coordinator.features, last.details["divergence"].tolist(), strict=True))


def select(spec: JobSpec, folder: Path, ranks: RankContext, checkpoints: DirectoryCheckpoints) -> Run | None:
    """One rank's part; the run at rank 0."""
    coordination = SharedCoordination(ranks, tuple(canonical_order(spec).dims))
    selection = Selection(spec, ranks, coordination, checkpoints)
    search = selection.search = WatchedSearch(canonical_order(spec), ranks, coordination, checkpoints)
    outcome = selection.run()
    replicas = ranks.gather(search.replica)
    if outcome is None or replicas is None:
        return None
    coordination.coordinator.finish(ranks.attempt, outcome)
    found = write_results(spec, RunDirectory(folder), coordination.coordinator, {"total": 1.0})
    return Run(coordination.coordinator, outcome, found, replicas)


@ranks(2)
def select_on_two_ranks(raw: str, folder: str, runs: tuple[str, ...]) -> None:
    """Each run in a folder of its name; the one called "broken" dies at its first checkpoint and goes on from it."""
    spec, ranks = JobSpec.model_validate_json(raw), RankContext(rank=dist.get_rank(), world=2, local_world=2)
    for name in runs:
        path = Path(folder) / name
        checkpoints = DirectoryCheckpoints(path / "checkpoints", ranks)
        if name == "broken":
            with pytest.raises(KilledError):
                select(spec, path, ranks, DyingCheckpoints(checkpoints.path, ranks))
        run = select(spec, path, ranks, checkpoints)
        if run is not None:
            (path / "run.pickle").write_bytes(pickle.dumps(run))


def on_two_ranks(spec: JobSpec, folder: Path, *runs: str) -> list[Run]:
    """Runs of two ranks with half the batch each, in processes that share nothing with others but the spec."""
    halved = with_(spec, training={"batch_size": GLOBAL_BATCH // 2})
    select_on_two_ranks(halved.model_dump_json(), str(folder), runs)
    return [pickle.loads((folder / name / "run.pickle").read_bytes()) for name in runs]  # noqa: S301 - our own files


def with_(spec: JobSpec, **changed: dict[str, Any]) -> JobSpec:
    raw = spec.model_dump(mode="json")
    return JobSpec.model_validate({**raw, **{part: {**raw[part], **values} for part, values in changed.items()}})


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    folder = tmp_path_factory.mktemp("data") / "sim"
    simulate(features=16, rows=ROWS, seed=3, output=folder)
    found = load_spec(folder / "spec.yaml")
    found = found.model_copy(update={"features": tuple(f for f in found.features if f.name not in UNDECIDED)})
    return with_(
        found,
        model={"batch_norm": True},  # its running statistics are what replicas could disagree on
        selector={"learning_rate": 0.03, "alpha": 3e-3},
        training={
            "epochs": EPOCHS,
            "batch_size": GLOBAL_BATCH,
            "seed": 1,
            "embedding_learning_rate": 0.005,
            "report_every": 10,
            "checkpoint_every": 100,
        },
    )


@pytest.fixture(scope="module")
def one(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("one")
    run = select(spec, folder, RankContext(), DirectoryCheckpoints(folder / "checkpoints"))
    assert run is not None
    return run


@pytest.fixture(scope="module")
def two(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return on_two_ranks(spec, tmp_path_factory.mktemp("two"), "whole")[0]


@pytest.fixture(scope="module")
def broken(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return on_two_ranks(spec, tmp_path_factory.mktemp("broken"), "broken")[0]


def test_two_ranks_count_every_step_and_every_row_once(one: Run, two: Run) -> None:
    steps = EPOCHS * math.ceil(TRAINING_ROWS / GLOBAL_BATCH)
    for run in (one, two):
        taken = [snapshot.step for snapshot in run.coordinator.history()]
        assert taken == sorted(set(taken))
        assert taken[-1] == run.coordinator.steps_counted == steps
        assert sum(snapshot.rows for snapshot in run.coordinator.history()) == EPOCHS * TRAINING_ROWS
        assert not run.coordinator.pending


def test_replicas_agree_bit_for_bit_when_the_search_ends(two: Run) -> None:
    first, second = two.replicas
    assert {"gate.theta", "gate.divergence_F", "gate.baseline.mean_C", "gate.alpha"} < set(first)
    assert any(name.endswith("running_mean") for name in first)
    assert differing(first, second) == []


def test_two_ranks_measure_the_divergences_of_one(spec: JobSpec, one: Run, two: Run) -> None:
    """Dense columns are the same data: sampling alone sets the runs apart. The average over batches of 256 rows with
    β = 0.98 has a relative error of s/m √((1 − β)/(1 + β)/256) ≈ 0.5% for a scalar (deviation s = 0.85, mean m = 1.13
    of |x − x'|), and less for vectors, so that 5% is seven deviations of a difference. Embeddings are learned, each
    run's along its own way: within a factor, which a sum over ranks instead of a mean would break.
    """
    ours, theirs = two.divergence(), one.divergence()
    for feature in spec.features:
        factor = 1.05 if feature.kind == "dense" else 1.75
        low, high = theirs[feature.name] / factor - 1e-6, theirs[feature.name] * factor + 1e-6
        assert low <= ours[feature.name] <= high, feature.name


def test_two_ranks_keep_and_prune_what_one_does(one: Run, two: Run) -> None:
    assert two.kept == one.kept
    assert 0 < len(one.kept) < len(one.outcome.features)
    last = two.coordinator.history()[-1]
    assert np.abs(last.gate_F - 0.5).min() > 0.1, "a gate is undecided: chance made the decisions equal"


def test_two_ranks_with_the_same_seed_killed_at_a_checkpoint_give_the_same_prune_list(two: Run, broken: Run) -> None:
    assert broken.prune_list == two.prune_list
    assert two.prune_list.id
    assert broken.coordinator.steps_counted == two.coordinator.steps_counted


@ranks(2)
def look_on_two_ranks(raw: str, folder: str) -> None:
    ranks = RankContext(rank=dist.get_rank(), world=2, local_world=2)
    found: dict[str, Any] = {update: priced(ranks, 64, update) for update in UPDATES}
    torch.save(found | {"first": first_weights(JobSpec.model_validate_json(raw), ranks)}, f"{folder}/{ranks.rank}.pt")


@pytest.fixture(scope="module")
def seen(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """What each of two ranks found: prices of gates by update, and the backbone's first weights."""
    folder = tmp_path_factory.mktemp("seen")
    look_on_two_ranks(spec.model_dump_json(), str(folder))
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def differing(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> list[str]:
    assert set(ours) == set(theirs)
    return [name for name, value in ours.items() if not torch.equal(value, theirs[name])]


def first_weights(spec: JobSpec, ranks: RankContext) -> dict[str, torch.Tensor]:
    return dict(build_gated(canonical_order(spec), ranks).backbone.state_dict())


def test_first_weights_are_the_same_on_every_rank_and_for_any_number_of_ranks(
    spec: JobSpec, seen: list[dict[str, dict[str, torch.Tensor]]]
) -> None:
    alone = first_weights(spec, RankContext())
    assert [differing(alone, found["first"]) for found in seen] == [[], []]


DISTANCES = {"below": 0.5, "near": 2.0, "far": 50.0, "beyond": 200.0}
COIN, WIDTH, STEPS = 4.0, 256, 200
UPDATES = ("bilevel", "joint")
# Gates stay where they are, so that prices alone are compared.
PRICED = LeapSpec(alpha=0.01, learning_rate=1e-9, clip=(1.5, 100.0), ramp=0.0)


class KnownRows(nn.Module):
    """x_BC where any two rows lie the same distance apart, however they are permuted: c/√2 on a column of one's own.

    The last column is ±COIN by chance, so that its Δ has mean COIN and a sampling error.
    """

    layout = FeatureLayout.from_dims({**dict.fromkeys(DISTANCES, WIDTH), "coin": 1})

    def __init__(self, rows: int, seed: int) -> None:
        super().__init__()
        self.embeddings = None
        own_BW = torch.eye(rows, WIDTH) / math.sqrt(2)
        self.fixed_BC = torch.cat([own_BW * distance for distance in DISTANCES.values()], 1)
        self.draw = torch.Generator().manual_seed(seed)

    def forward(self, batch: Batch) -> torch.Tensor:
        coin_B1 = torch.randint(0, 2, (len(batch), 1), generator=self.draw) * 2.0 - 1.0
        return torch.cat([self.fixed_BC, coin_B1 * COIN], 1)

    def finish_step(self) -> None:
        pass


class Deaf(nn.Module):
    """A backbone that hears no feature: what moves θ is the penalty alone."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        return self.bias.expand(len(x_BC), 1)


def priced(ranks: RankContext, rows: int, update: str) -> dict[str, torch.Tensor]:
    """The gate after STEPS of the search itself: its penalty, the θ gradient the optimizer saw, Δ̄."""
    gate = LeapGate(KnownRows.layout, PRICED)
    model = GatedModel(KnownRows(rows, seed=ranks.rank), gate, Deaf())  # type: ignore[arg-type]
    dense = [{"name": name, "kind": "dense", "dim": gate.layout.dims[i]} for i, name in enumerate(gate.layout.names)]
    raw = {
        "dataset": {"train": "x", "splits": {}},
        "features": dense,
        "selector": {**PRICED.model_dump(), "update": update},
    }
    search = GateTrainer(model, JobSpec.model_validate(raw), ranks)
    batch: Any = Labelled(rows)
    for step in range(1, STEPS + 1):
        search.step(step, batch, batch if update == "bilevel" else None)
    assert gate.theta.grad is not None
    return {"penalty": gate.penalty().detach(), "gradient": gate.theta.grad.clone(), "divergence": gate.divergence_F}


class Labelled(SimpleNamespace):
    def __init__(self, rows: int) -> None:
        super().__init__(label_B=torch.zeros(rows), label_BT=torch.zeros(rows, 1), weight_B=torch.ones(rows))

    def __len__(self) -> int:
        return len(self.label_B)


def slope() -> float:
    gate = PRICED.initial_gate
    return PRICED.alpha * gate * (1 - gate) / PRICED.temperature


def check_price(found: dict[str, torch.Tensor], rows: int) -> None:
    """Known divergences to 1e-6 of LeAP §3.2's λ = α clip(Δ̄) in closed form; the coin's within its sampling error."""
    clipped_F = torch.tensor([1.5, 2.0, 50.0, 100.0])
    close = {"rtol": 1e-6, "atol": 0.0}
    coin = float(found["divergence"][-1])
    # |x − x'| is 0 or 2·COIN with equal chances, independently for the rows of a batch: its deviation is COIN.
    error = COIN * math.sqrt((1 - PRICED.ema) / (1 + PRICED.ema) / rows)
    assert abs(coin - COIN) < 5 * error
    torch.testing.assert_close(found["divergence"][:-1], torch.tensor(list(DISTANCES.values())), **close)
    torch.testing.assert_close(found["gradient"][:-1], slope() * clipped_F, **close)
    torch.testing.assert_close(found["gradient"][-1], torch.tensor(slope() * coin), rtol=1e-5, atol=0.0)
    total = PRICED.alpha * PRICED.initial_gate * (clipped_F.sum() + coin)
    torch.testing.assert_close(found["penalty"], total, **close)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("rows", [64, 256])
def test_a_gates_price_and_its_pull_do_not_depend_on_the_batch_size(rows: int, update: str) -> None:
    check_price(priced(RankContext(), rows, update), rows)


@pytest.mark.parametrize("update", UPDATES)
def test_a_gates_price_and_its_pull_do_not_depend_on_the_number_of_ranks(
    seen: list[dict[str, dict[str, torch.Tensor]]], update: str
) -> None:
    first, second = (found[update] for found in seen)
    check_price(first, 2 * 64)
    assert differing(first, second) == []


TARGET, ENOUGH = 0.25, 1 / 8  # one of eight scalars more than the target may stay


def steered(spec: JobSpec, update: str, target: float | None, folder: Path) -> Run:
    """A run over the eight scalars; rows are met once where the update is progressive, in smaller batches then."""
    once = update == "progressive"
    chosen = with_(
        spec,
        selector={"update": update, "alpha": 1e-3, "target_dims": target},
        training={"epochs": 1 if once else 6, "batch_size": 12 if once else 64, "report_every": 50},
    )
    run = select(chosen, folder, RankContext(), DirectoryCheckpoints(folder / "checkpoints"))
    assert run is not None
    return run


def open_share(run: Run) -> float:
    return float(np.mean(run.coordinator.history()[-1].gate_F > 0.5))


@pytest.fixture(scope="module")
def scalars(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """A data set of scalars alone: no tables, and every feature weighs the same in the share of dims."""
    folder = tmp_path_factory.mktemp("scalars") / "sim"
    simulate(features=16, rows=ROWS, seed=3, output=folder)
    spec = load_spec(folder / "spec.yaml")
    spec = spec.model_copy(update={"features": tuple(f for f in spec.features if f.dim == 1)})
    return with_(spec, selector={"learning_rate": 0.03}, training={"seed": 1})


@pytest.mark.parametrize("update", ["bilevel", "joint", "progressive"])
def test_every_update_ends_in_a_prune_list_and_a_target_steers_alpha_to_it(
    scalars: JobSpec, tmp_path: Path, update: str
) -> None:
    free, led = (steered(scalars, update, target, tmp_path / str(target)) for target in (None, TARGET))
    for run in (free, led):
        assert {feature.name for feature in run.prune_list.features} == {f.name for f in scalars.features}
        held_out = [snapshot.held_out_loss for snapshot in run.coordinator.history()]
        assert all(loss > 0 for loss in held_out) == (update == "bilevel"), "only bilevel reads held-out rows"
    assert len(led.kept) == round(open_share(led) * 8) < 8
    assert free.replicas[0]["gate.alpha"] == pytest.approx(1e-3)
    assert led.replicas[0]["gate.alpha"] > 1.5e-3
    assert open_share(led) <= TARGET + ENOUGH < open_share(free)


def test_a_progressive_update_reads_its_stream_once_or_is_refused(scalars: JobSpec) -> None:
    with pytest.raises(ValidationError, match=r"training\.epochs is 2; make that 1, or choose bilevel"):
        with_(scalars, selector={"update": "progressive"}, training={"epochs": 2})
