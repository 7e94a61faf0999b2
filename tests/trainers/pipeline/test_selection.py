"""A whole selection on one rank: resumed exactly, pruned as predicted, the same twice."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.conftest import TinyDataset
from tests.support.dying import DyingCheckpoints, KilledError
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.scoring import CurveScorer
from trainers.pipeline.selection import Selection
from trainers.pruning.ranking import rank_features
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory
from trainers.runs.outcome import Outcome
from trainers.selectors.base import Ranking
from trainers.simulator import simulate
from trainers.spec import JobSpec, SpecError, load_spec
from trainers.spec.order import canonical_order
from trainers.training.build import build_gated, build_plain
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.evaluation import masked_forward, predict
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    folder = tmp_path_factory.mktemp("data") / "sim"
    simulate(features=16, rows=6000, seed=3, output=folder)
    found = load_spec(folder / "spec.yaml")
    training = found.training.model_copy(
        update={"epochs": 2, "batch_size": 256, "report_every": 5, "checkpoint_every": 7}
    )
    return found.model_copy(update={"training": training})


def select(spec: JobSpec, checkpoints: DirectoryCheckpoints, coordinator: Coordinator, attempt: int = 0) -> Outcome:
    outcome = Selection(spec, RankContext(attempt=attempt), coordinator, checkpoints).run()
    assert outcome is not None
    return outcome


@pytest.fixture(scope="module")
def unbroken(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Coordinator, Outcome]:
    coordinator = Coordinator(tuple(canonical_order(spec).dims))
    return coordinator, select(spec, DirectoryCheckpoints(tmp_path_factory.mktemp("unbroken")), coordinator)


def test_an_interrupted_run_ends_as_an_unbroken_one_with_every_step_counted_once(
    spec: JobSpec, unbroken: tuple[Coordinator, Outcome], tmp_path: Path
) -> None:
    names = tuple(canonical_order(spec).dims)
    whole, expected = unbroken
    broken = Coordinator(names)
    with pytest.raises(KilledError):
        select(spec, DyingCheckpoints(tmp_path / "broken", at=21), broken)
    resumed = Coordinator(names)  # the process died: its history comes back from the checkpoint
    found = select(spec, DirectoryCheckpoints(tmp_path / "broken"), resumed, attempt=1)
    assert [s.step for s in resumed.history()] == [s.step for s in whole.history()]
    assert (whole.progress().decode_seconds or 0) > 0
    (rank,) = whole.progress().ranks or ()
    assert rank.embedding_bytes == sum(
        4 * each.dim * each.table_rows for each in canonical_order(spec).features if each.kind != "dense"
    )
    assert resumed.steps_counted == whole.steps_counted == 2 * -(-4800 // 256)
    for ours, theirs in zip(resumed.history(), whole.history(), strict=True):
        np.testing.assert_array_equal(ours.gate_F, theirs.gate_F)
        assert ours.held_out_auc == theirs.held_out_auc
    aucs = [snapshot.held_out_auc for snapshot in whole.history()]
    assert all(found is not None and 0 < found < 1 for found in aucs)
    assert aucs[-1] > aucs[0]
    assert found.features == expected.features
    assert found.metrics == expected.metrics


@pytest.mark.parametrize("selector", ["leap", "mutual_information"])
def test_a_search_does_not_go_on_with_other_data(spec: JobSpec, tmp_path: Path, selector: str) -> None:
    """Labels turned round in place: as many rows, in files of the same names."""
    shutil.copytree(Path(spec.dataset.train).parent, tmp_path / "data")
    dataset = {split: str(tmp_path / "data" / split) for split in ("train", "validation", "test")}
    raw = {
        **spec.model_dump(mode="json"),
        "dataset": dataset,
        "prune": {"rule": "curve"},
        "selector": {"name": selector},
    }
    own = JobSpec.model_validate(raw)
    names = tuple(canonical_order(own).dims)
    with pytest.raises(KilledError):
        select(own, DyingCheckpoints(tmp_path / "c", at=7 if selector == "leap" else 19), Coordinator(names))
    for path in (tmp_path / "data" / "validation").glob("*.parquet"):
        table = pq.read_table(path)
        at = table.schema.get_field_index("label")
        turned = pa.array(1 - table.column("label").to_numpy(), table.schema.field(at).type)
        pq.write_table(table.set_column(at, "label", turned), path)
    with pytest.raises(SpecError, match=r"began on other data: dataset\.validation: its"):
        select(own, DirectoryCheckpoints(tmp_path / "c"), Coordinator(names), attempt=1)


def test_results_are_complete_and_the_same_spec_gives_the_same_list(
    spec: JobSpec, unbroken: tuple[Coordinator, Outcome], tmp_path: Path
) -> None:
    lists = []
    again = Coordinator(tuple(canonical_order(spec).dims))
    runs = [unbroken, (again, select(spec, DirectoryCheckpoints(tmp_path / "checkpoints"), again))]
    for at, (coordinator, outcome) in enumerate(runs):
        coordinator.finish(0, outcome)
        directory = RunDirectory(tmp_path / str(at))
        directory.path.mkdir()
        lists.append(write_results(spec, directory, coordinator, {"total": 1.0}))
        assert directory.read_prune_list() == lists[-1]
        results = directory.read_results()
        assert results is not None
        assert results.curve[-1].features == 15  # of 16, one of which is constant
        assert [each.name for each in results.features] == [each.name for each in lists[-1].features]
        weight = sum(each.embedding_bytes for each in results.features)
        assert weight == lists[-1].before.embedding_bytes == results.curve[-1].embedding_bytes
        assert results.features[0].sparsity is None
    assert lists[0].id == lists[1].id


def test_a_search_without_gates_says_how_long_it_trained_and_nothing_of_gates(spec: JobSpec, tmp_path: Path) -> None:
    raw = spec.model_dump(mode="json", exclude={"prune", "selector"})
    chosen = JobSpec.model_validate({**raw, "selector": {"name": "mutual_information"}})
    coordinator = Coordinator(tuple(canonical_order(chosen).dims))
    outcome = select(chosen, DirectoryCheckpoints(tmp_path / "checkpoints"), coordinator)
    coordinator.finish(0, outcome)
    directory = RunDirectory(tmp_path)
    found = write_results(chosen, directory, coordinator, {"total": 1.0})
    results = directory.read_results()
    assert results is not None
    assert results.steps == 2 * -(-4800 // 256)
    assert (results.converged, results.rows_per_second) == (None, None)
    assert "gate" not in f"{found.warning}{found.diagnostics}"


def with_a_copy_of_age(spec: Path, **changes: Any) -> JobSpec:
    """The spec of a tiny data set whose column `age_again` is `age`."""
    raw = load_spec(spec).model_dump(mode="json", exclude={"prune"})
    for split in ("train", "validation", "test"):
        (path,) = Path(raw["dataset"][split]).glob("*.parquet")
        table = pq.read_table(path)
        pq.write_table(table.append_column("age_again", table["age"]), path, row_group_size=table.num_rows // 2)
    again = {**next(each for each in raw["features"] if each["name"] == "age"), "name": "age_again"}
    return JobSpec.model_validate({**raw, "features": [*raw["features"], again], **changes})


def test_the_list_s_own_point_is_of_what_it_keeps(tiny_dataset: TinyDataset, tmp_path: Path) -> None:
    """5 of 13 dims, no prefix of the ranking's 4 features that aren't copies."""
    spec = with_a_copy_of_age(tiny_dataset.spec, prune={"rule": "given", "keep": ["age_again", "genres"]})
    names = tuple(canonical_order(spec).dims)
    outcome = select(spec, DirectoryCheckpoints(tmp_path / "checkpoints"), Coordinator(names))
    assert outcome.own is not None
    assert (outcome.own.features, outcome.own.dims) == (outcome.after.features, outcome.after.dims) == (2, 5)
    assert [point.features for point in outcome.curve] == [1, 2, 3, 4]
    assert {each.name for each in outcome.features if each.copies} == {"age", "age_again"}


def test_a_copy_of_what_is_kept_costs_no_quality_on_the_curve(tiny_dataset: TinyDataset) -> None:
    spec, ranks = canonical_order(with_a_copy_of_age(tiny_dataset.spec)), RankContext()
    names = tuple(spec.dims)
    ranking = Ranking(names=names, scores=dict.fromkeys(names, 0.5), probability_like=True)
    features = rank_features(spec, ranking, [("age", "age_again")])
    model = build_plain(spec, ranks)
    model.train(False)
    scorer = CurveScorer(model=model, loaders=DataLoaders.open(spec, ranks), ranks=ranks, features=features)
    others = tuple(name for name in names if name not in ("age", "age_again"))
    every, one, other, none = scorer.score([names, (*others, "age"), (*others, "age_again"), others])
    assert one.logloss == other.logloss == every.logloss != none.logloss
    assert (one.features, every.features, every.dims - one.dims) == (4, 5, 1)


@pytest.mark.parametrize("backbone", ["mlp", "wide_deep", "deepfm"])
def test_the_pruned_model_begins_where_the_gated_one_stands_at_hard_gates(spec: JobSpec, backbone: str) -> None:
    chosen = canonical_order(JobSpec.model_validate({**spec.model_dump(mode="json"), "model": {"backbone": backbone}}))
    loaders = DataLoaders.open(chosen, RankContext())
    model = build_gated(chosen, RankContext())
    with torch.no_grad():
        model.inputs.baseline.mean_C.normal_()
        for parameter in model.backbone.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.train(False)
    kept = list(model.inputs.layout.names[::3])
    small = model.plain_model.pruned(kept)
    small.train(False)
    small_loaders = loaders.with_spec(small.inputs.spec)
    with loaders.whole(loaders.test) as batches, small_loaders.whole(small_loaders.test) as small_batches:
        gated = predict(masked_forward(model.plain_model, [tuple(kept)]), batches, RankContext())
        pruned = predict(small.logits, small_batches, RankContext())
    assert gated is not None
    assert pruned is not None
    np.testing.assert_allclose(pruned.logit_KTN, gated.logit_KTN, atol=1e-5, rtol=1e-5)
    assert len(small.inputs.embeddings.tables if small.inputs.embeddings else ()) < len(
        model.inputs.embeddings.tables if model.inputs.embeddings else ()
    )


def test_crosses_of_the_features_that_stay_are_in_the_list(spec: JobSpec, tmp_path: Path) -> None:
    """FiiNet's attention and FeatNet's subsets, as means over the validation rows."""
    raw = spec.model_dump(mode="json", exclude={"prune"})
    raw["training"]["epochs"] = 1
    raw |= {"selector": {"name": "mutual_information"}, "prune": {"rule": "top_k", "top_k": 5}}
    for model in ({"backbone": "fiinet", "factors": 2}, {"backbone": "featnet", "factors": 2, "subsets": 2}):
        own = canonical_order(JobSpec.model_validate({**raw, "model": {**model, "hidden": [4]}}))
        found = select(own, DirectoryCheckpoints(tmp_path / model["backbone"]), Coordinator(tuple(own.dims)))  # type: ignore[operator]
        kept = {feature.name for feature in found.features if feature.decision == "keep"}
        assert {name for cross in found.interactions for name in cross.features} == kept
        pairs, triples = math.comb(len(kept), 2), math.comb(len(kept), 3)
        if model["backbone"] == "fiinet":
            assert len(found.interactions) == pairs + triples
            assert all(0 < cross.importance < 1 for cross in found.interactions)
        else:
            assert len(found.interactions) == pairs
            assert {"featnet_pruned", "featnet_subset_2"} <= set(found.diagnostics)
        importances = [cross.importance for cross in found.interactions]
        assert importances == sorted(importances, reverse=True)


def test_a_feature_that_stands_twice_stays_once_and_the_budget_goes_to_others(spec: JobSpec, tmp_path: Path) -> None:
    """Two features of one column, and a budget of all dims but one of theirs: every feature fits but the copy, and the
    constant one gives nothing."""
    raw = spec.model_dump(mode="json", exclude={"prune"})
    first = raw["features"][0]
    raw["features"].append({**first, "name": "again", "column": first["column"] or first["name"], "status": "active"})
    raw["training"]["epochs"] = 1
    total = sum(spec.dims.values())
    doubled = JobSpec.model_validate({**raw, "prune": {"rule": "budget", "keep_dims": total}})
    found = select(doubled, DirectoryCheckpoints(tmp_path), Coordinator(tuple(canonical_order(doubled).dims)))
    by_name = {feature.name: feature for feature in found.features}
    copies = [by_name[first["name"]], by_name["again"]]
    assert sorted(feature.decision for feature in copies) == ["keep", "prune"]
    assert [feature.copies for feature in copies] == [("again",), (first["name"],)]
    assert {feature.why for feature in copies if feature.decision == "prune"} == {"copy"}
    assert {feature.name for feature in found.features if feature.decision == "prune"} == {
        "scalar_05", *(feature.name for feature in copies if feature.decision == "prune")
    }  # fmt: skip
    assert by_name["scalar_05"].why == "constant"
    assert found.budget is not None
    assert (found.budget.spent, found.budget.passed_over, found.budget.warning) == (total - 1, None, None)
