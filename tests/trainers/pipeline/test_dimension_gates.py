"""Gates on dims, from a spec to a narrower model: which dims stay where that is known, and nothing else changes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

from sharding.layout import KeptDims
from tests.support.ranks import ranks
from trainers.cli import app
from trainers.models.ranking import PlainModel
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.searches import open_search
from trainers.pipeline.selection import Selection
from trainers.pruning.dims import Kept, gather
from trainers.pruning.ranking import rank_features
from trainers.pruning.rules import decide
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.prune_list import PruneList
from trainers.spec import JobSpec, PruneSpec
from trainers.spec.order import canonical_order, with_features
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.evaluation import masked_forward, predict
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

SIGNAL = (2, 5, 9, 14)  # of the vector's 16 dims
ROWS = {"train": 6000, "validation": 2000, "test": 1000}


def write_data(folder: Path) -> None:
    """The label hears four dims of `clip`, each alike, and one number of each `item`, which one column could hold."""
    random = np.random.default_rng(11)
    worth = random.normal(size=30)
    for split, rows in ROWS.items():
        clip_ND = random.normal(size=(rows, 16)).astype(np.float32)
        item_N, noise_N = random.integers(0, 30, rows), random.normal(size=rows)
        logit_N = 1.2 * clip_ND[:, SIGNAL].sum(1) + 1.5 * worth[item_N]
        label_N = (random.random(rows) < 1 / (1 + np.exp(-logit_N))).astype(np.int64)
        columns = {"label": label_N, "clip": list(clip_ND), "item": item_N, "noise": noise_N}
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")


def spec_of(folder: Path, **parts: Any) -> JobSpec:
    raw = {
        "name": "dims",
        "dataset": {split: str(folder / f"{split}.parquet") for split in ROWS},
        "features": [
            {"name": "clip", "kind": "dense", "dim": 16},
            {"name": "noise", "kind": "dense"},
            {"name": "item", "kind": "categorical", "dim": 8, "hash_size": 30, "ids": "checked"},
        ],
        "model": {"backbone": "wide_deep", "hidden": [16]},
        "selector": {"granularity": "dim", "learning_rate": 0.05, "alpha": 0.01},
        "training": {"batch_size": 256, "epochs": 10, "learning_rate": 0.01, "embedding_learning_rate": 0.1},
        "finetune": {"epochs": 1},
    }
    return canonical_order(JobSpec.model_validate({**raw, **parts}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("dims")
    write_data(found)
    return found


@pytest.fixture(scope="module")
def run(folder: Path) -> RunDirectory:
    """A finished run."""
    spec, directory = spec_of(folder), RunDirectory(folder / "run")
    directory.path.mkdir()
    coordinator = Coordinator(tuple(spec.dims))
    outcome = Selection(spec, RankContext(), coordinator, DirectoryCheckpoints(folder / "checkpoints")).run()
    assert outcome is not None
    coordinator.finish(0, outcome)
    write_json(directory.spec, spec.model_dump(mode="json"))
    write_results(spec, directory, coordinator, {"total": 1.0})
    return directory


def read(run: RunDirectory) -> PruneList:
    found = run.read_prune_list()
    assert found is not None
    return found


def test_dims_with_signal_stay_and_most_others_go(run: RunDirectory) -> None:
    found = read(run)
    clip, item, noise = (next(each for each in found.features if each.name == n) for n in ("clip", "item", "noise"))
    assert clip.kept_dims is not None
    assert item.kept_dims is not None
    assert set(SIGNAL) <= set(clip.kept_dims)
    assert len(clip.kept_dims) <= 6
    assert 1 <= len(item.kept_dims) <= 4
    assert (noise.decision, noise.kept_dims) == ("prune", None)
    assert (clip.dim, clip.score) == (16, pytest.approx(1, abs=0.05))
    assert found.metrics is not None
    full, tuned = found.metrics.full.auc, found.metrics.finetuned.auc
    assert full is not None
    assert tuned is not None
    assert tuned > full - 0.005


def test_totals_are_those_of_the_narrower_model(run: RunDirectory) -> None:
    found = read(run)
    clip, item = len(found.kept_dims["clip"]), len(found.kept_dims["item"])
    assert (found.before.features, found.before.dims, found.before.embedding_bytes) == (3, 25, 31 * 8 * 4)
    assert (found.after.features, found.after.dims) == (2, clip + item)
    assert (found.after.embedding_bytes, found.after.bytes_per_example) == (31 * item * 4, 4 * clip + 8)
    results = run.read_results()
    assert results is not None
    assert results.own is not None
    assert (results.own.features, results.own.dims) == (2, clip + item)
    assert [(point.features, point.dims) for point in results.curve][-1] == (3, 25)
    history = pq.read_table(run.gates)
    assert set(history.column("feature").to_pylist()) == {"clip", "item", "noise"}


def test_a_list_is_read_as_it_was_written_and_says_kept_dims_where_there_are_some(run: RunDirectory) -> None:
    found = read(run)
    document = found.document()
    assert [sorted(each) for each in document["features"] if "kept_dims" in each]
    assert {each["name"] for each in document["features"] if "kept_dims" in each} == {"clip", "item"}
    features = tuple(each.model_copy(update={"kept_dims": None}) for each in found.features)
    whole = found.model_copy(update={"features": features})
    assert found.decisions_id != whole.decisions_id
    assert PruneList.parse(document) == found


def test_retrain_trains_the_narrower_model(run: RunDirectory) -> None:
    ended = CliRunner().invoke(app, ["retrain", str(run.path), "--seeds", "1", "--json"])
    assert ended.exit_code == 0, ended.output
    retrained = json.loads(run.retrained.read_text())
    assert {name: tuple(dims) for name, dims in retrained["kept_dims"].items()} == read(run).kept_dims
    assert len(retrained["kept"]) == len(retrained["full"]) == 1
    assert retrained["differences"]["auc"]["mean"] > -0.01


def searched(spec: JobSpec, ranks: RankContext, checkpoints: DirectoryCheckpoints) -> tuple[PlainModel, Kept]:
    """The model of a search, and what a fixed budget keeps of it."""
    loaders = DataLoaders.open(spec, ranks)
    found = open_search(spec, ranks, Coordinator(tuple(spec.dims)), checkpoints).run(loaders)
    units = rank_features(spec, found.ranking)
    return found.model, gather(spec, units, decide(units, PruneSpec(rule="budget", keep_dims=9), []))


def check_the_cut(
    model: PlainModel, names: Sequence[str], kept_dims: KeptDims, spec: JobSpec, ranks: RankContext
) -> PlainModel:
    """The smaller model predicts what the whole one does with every dim that goes at its mean. Collective."""
    small, loaders = model.pruned(names, kept_dims), DataLoaders.open(spec, ranks)
    for each in (model, small):
        each.train(False)
    layout = model.inputs.layout
    columns = layout.columns(names, kept_dims)
    units = tuple(layout.by_dim().names[column] for column in columns)
    assert len(columns) == 9 == small.inputs.layout.total
    with loaders.whole(loaders.test) as batches:
        masked = predict(masked_forward(model, [units], by_dim=True), batches, ranks)
    own = loaders.with_spec(with_features(spec, names, kept_dims))
    with own.whole(own.test) as batches:
        cut = predict(small.logits, batches, ranks)
    if ranks.is_leader:
        assert masked is not None
        assert cut is not None
        np.testing.assert_allclose(cut.logit_KTN, masked.logit_KTN, atol=2e-6, rtol=1e-5)
        assert np.std(cut.logit_KTN) > 0.1
    return small


@pytest.mark.parametrize("backbone", ["wide_deep", "deepfm", "autoint"])
@pytest.mark.parametrize("selector", ["leap", "stg"])
def test_the_cut_model_is_the_masked_one(folder: Path, tmp_path: Path, backbone: str, selector: str) -> None:
    training = {"batch_size": 256, "epochs": 1, "learning_rate": 0.01, "embedding_learning_rate": 0.1}
    spec = spec_of(
        folder, selector={"name": selector, "granularity": "dim"}, model={"backbone": backbone}, training=training
    )
    model, kept = searched(spec, RankContext(), DirectoryCheckpoints(tmp_path))
    small = check_the_cut(model, kept.names, kept.columns, spec, RankContext())
    if "item" in kept.names:
        assert small.inputs.embeddings is not None
        (table,) = small.inputs.embeddings.tables
        assert table.dim == len(kept.columns.get("item", range(8)))
        state = small.inputs.embeddings.checkpoint_state()
        assert {tensor.shape[1] for tensor in state.values()} == {table.stored_dim}


@ranks(2)
def check_two_ranks(folder: str, sharding: str, checkpoints: str) -> None:
    rank = torch.distributed.get_rank()
    context = RankContext(rank=rank, world=2, local_world=2)
    features = [
        {"name": "clip", "kind": "dense", "dim": 16},
        {"name": "item", "kind": "categorical", "dim": 64, "hash_size": 30, "ids": "checked"},
        {"name": "noise", "kind": "dense"},
    ]
    spec = spec_of(
        Path(folder),
        features=features,
        training={"batch_size": 128, "epochs": 1, "embedding_learning_rate": 0.1},
        scaling={"workers": 2, "topology": {"sharding": [sharding]}},
    )
    model, _ = searched(spec, context, DirectoryCheckpoints(Path(checkpoints), context))
    # Of the table, columns of both halves, which are shards where tables are cut by columns.
    kept_dims = {"clip": [1, 2, 5], "item": [0, 31, 40, 41, 62, 63]}
    small = check_the_cut(model, ["clip", "item"], kept_dims, spec, context)
    own = DataLoaders.open(spec, context).with_spec(small.inputs.spec)
    before = small.inputs.baseline.mean_C.clone()
    Trainer(small, own, spec, context).run(1, lambda step: None, trained=False)
    assert torch.isfinite(small.inputs.baseline.mean_C).all()
    assert not torch.equal(before, small.inputs.baseline.mean_C)


@pytest.mark.parametrize("sharding", ["table_wise", "column_wise"])
def test_narrow_tables_of_two_ranks(folder: Path, tmp_path: Path, sharding: str) -> None:
    check_two_ranks(str(folder), sharding, str(tmp_path))
