"""Plain training: left at its best on validation, data-parallel tables included; retraining over seeds."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import torch.distributed as dist

from sharding.parallel import ShardedEmbeddings
from tests.conftest import TinyDataset
from tests.support.ranks import ranks
from trainers.pipeline.retrain import retrain
from trainers.runs.results import Quality
from trainers.selectors.gates.leap import LeapSpec
from trainers.spec import JobSpec, SpecError, load_spec
from trainers.spec.order import canonical_order, with_features
from trainers.training.build import build_gated, build_plain
from trainers.training.gate_trainer import GateTrainer
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext, compute_threads
from trainers.training.trainer import Trainer, quality


def tiny(dataset: TinyDataset, **training: object) -> JobSpec:
    spec = load_spec(dataset.spec)
    return canonical_order(JobSpec.model_validate({**spec.model_dump(), "training": {"batch_size": 64, **training}}))


def test_training_ends_at_the_best_epoch_and_not_at_the_last(tiny_dataset: TinyDataset) -> None:
    """A learning rate that memorizes 512 rows: later epochs are worse, and none of them is what remains."""
    spec, ranks = tiny(tiny_dataset, learning_rate=0.02, embedding_learning_rate=0.5), RankContext()
    loaders = DataLoaders.open(spec, ranks)
    model = build_plain(spec, ranks)
    seen: list[float] = []

    class Watched(Trainer):
        def _judged(self) -> float:
            seen.append(super()._judged())
            return seen[-1]

    Watched(model, loaders, spec, ranks).run(30, lambda step: None)
    assert len(seen) < 31, "training went on though validation got worse"
    assert max(seen) > seen[-1]
    left = quality(model, loaders, spec, ranks, split="validation")
    assert left is not None
    assert left.auc == max(seen)


def test_training_that_never_helps_changes_nothing(tiny_dataset: TinyDataset) -> None:
    spec, ranks = tiny(tiny_dataset), RankContext()
    loaders = DataLoaders.open(spec, ranks)
    model = build_plain(spec, ranks)
    Trainer(model, loaders, spec, ranks, learning_rate=0.01).run(5, lambda step: None)
    before = [tensor.clone() for tensor in model.backbone.state_dict().values()]
    Trainer(model, loaders, spec, ranks, learning_rate=50.0).run(2, lambda step: None)
    for tensor, kept in zip(model.backbone.state_dict().values(), before, strict=True):
        assert torch.equal(tensor, kept)


def test_retraining_gives_a_result_a_seed_and_tells_good_features_from_useless_ones(tiny_dataset: TinyDataset) -> None:
    spec = tiny(tiny_dataset, epochs=5, learning_rate=0.02)
    heard: list[tuple[int, Quality]] = []
    good = retrain(spec, ["age"], 2, lambda seed, metrics: heard.append((seed, metrics)))
    poor = retrain(spec, ["genres"], 2, lambda seed, metrics: None)
    assert [seed for seed, _ in heard] == [0, 1]
    assert good == [metrics for _, metrics in heard]
    assert good[0] != good[1]
    assert min(metrics.auc or 0 for metrics in good) > 0.85
    assert max(metrics.auc or 0 for metrics in poor) < 0.65
    assert good == retrain(spec, ["age"], 2, lambda seed, metrics: None)


def test_retraining_refuses_names_that_are_no_features(tiny_dataset: TinyDataset) -> None:
    with pytest.raises(SpecError, match="keep: 'height' is no feature"):
        retrain(tiny(tiny_dataset), ["age", "height"], 1, lambda seed, metrics: None)


@ranks(2)
def check_data_parallel(path: str) -> None:
    spec = canonical_order(load_spec(path))
    raw = spec.model_dump()
    raw["scaling"]["topology"]["sharding"] = ["data_parallel"]
    spec = JobSpec.model_validate(raw)
    ranks = replace(RankContext(), rank=dist.get_rank(), world=2, local_world=2)
    loaders = DataLoaders.open(spec, ranks)
    model = build_plain(spec, ranks)
    embeddings = model.inputs.embeddings
    assert isinstance(embeddings, ShardedEmbeddings)
    first = [weights.clone() for weights in embeddings.local_weights()]
    Trainer(model, loaders, spec, ranks, learning_rate=0.01).run(2, lambda step: None)
    for before, after in zip(first, embeddings.local_weights(), strict=True):
        assert not torch.equal(before, after)
        theirs = after.clone()
        dist.broadcast(theirs, 0)
        assert torch.equal(theirs, after), "replicas have parted"
    assert set(embeddings.checkpoint_state()) == {
        f"{t.name}.{part}" for t in embeddings.tables for part in ("weight", "sum")
    }


def test_data_parallel_tables_learn_and_stay_the_same_on_every_rank(tiny_dataset: TinyDataset) -> None:
    check_data_parallel(str(tiny_dataset.spec))


@ranks(2)
def check_measured_once(path: str) -> None:
    spec, ranks = canonical_order(load_spec(path)), RankContext(rank=dist.get_rank(), world=2, local_world=2)
    with pytest.MonkeyPatch.context() as patch:
        if not ranks.is_leader:
            patch.setattr("trainers.training.loaders.statistics", None)
        found = DataLoaders.open(spec, ranks).statistics
    alone = DataLoaders.open(spec, RankContext()).statistics
    assert found.dims == alone.dims == {"age": 1, "clip": 3}
    np.testing.assert_array_equal(found.scale_D.mean_D, alone.scale_D.mean_D)
    np.testing.assert_array_equal(found.scale_D.std_D, alone.scale_D.std_D)


def test_one_rank_measures_the_training_rows_for_all(tiny_dataset: TinyDataset) -> None:
    check_measured_once(str(tiny_dataset.spec))


def test_a_core_is_left_to_the_thread_that_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert [compute_threads(workers) for workers in (1, 2, 16, 32)] == [15, 7, 1, 1]


def test_a_number_that_multiplies_every_weight_changes_nothing(tiny_dataset: TinyDataset) -> None:
    """The loss keeps its place beside the penalty: the mean of the training weights is taken out."""

    def gates_of(scale: float) -> torch.Tensor:
        for path in tiny_dataset.directory.rglob("*.parquet"):
            table = pq.read_table(path)
            weight = scale * (1 + np.arange(table.num_rows) % 3)
            name = f"w{scale}"
            pq.write_table(table.append_column(name, pa.array(weight)), path)
        spec = tiny(tiny_dataset)
        spec = spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"weight": name})})
        loaders = DataLoaders.open(spec, RankContext())
        model = build_gated(spec, RankContext())
        search = GateTrainer(model, spec, RankContext(), steps=12)
        with loaders.pairs(0, 12, held_out=True) as batches:
            for step, (train, held_out) in enumerate(batches, 1):
                search.step(step, train, held_out)
        return model.gate.scores()

    assert torch.allclose(gates_of(1e-4), gates_of(3.0), atol=1e-5)


@pytest.mark.parametrize(
    ("ramp", "shares"),
    [(0.8, [0.0, 0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.0, 1.0]), (0.0, [0.0] * 2 + [1.0] * 10)],
)
def test_the_penalty_rises_over_its_share_of_the_steps_after_the_warm_up(
    ramp: float, shares: list[float], tiny_dataset: TinyDataset
) -> None:
    spec, ranks = tiny(tiny_dataset), RankContext()
    spec = spec.model_copy(update={"selector": LeapSpec(ramp=ramp)})
    loaders, model = DataLoaders.open(spec, ranks), build_gated(spec, ranks)
    search, counted = GateTrainer(model, spec, ranks, warmup=2, steps=12), []
    with loaders.pairs(0, 12, held_out=True) as batches:
        for step, (train, held_out) in enumerate(batches, 1):
            due = model.gate.regularizer().item()
            before = search.meter.penalty.item()
            # The divergences move with the weights' pass, before the penalty is counted.
            search.step(step, train, held_out)
            counted.append((search.meter.penalty.item() - before) / due)
    assert counted == pytest.approx(shares, rel=0.2)


def test_fresh_training_of_pruned_features_reads_their_own_columns(tiny_dataset: TinyDataset) -> None:
    """A pruned model's dense columns are standardized by the statistics of the same names."""
    spec, ranks = tiny(tiny_dataset), RankContext()
    whole = DataLoaders.open(spec, ranks)
    small = DataLoaders.open(with_features(spec, ["clip", "user_id"]), ranks, whole.statistics)
    with whole.whole(whole.test) as batches, small.whole(small.test) as small_batches:
        assert torch.equal(next(batches).dense_BD[:, 1:], next(small_batches).dense_BD)
