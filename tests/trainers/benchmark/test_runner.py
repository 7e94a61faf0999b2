"""Cells by search and retraining: what they measure, what they share, what makes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import TinyDataset
from tests.trainers.benchmark.conftest import HerePool, Run
from trainers.benchmark.outcomes import write_parquet
from trainers.pipeline.retrain import retrain
from trainers.selectors.base import Ranking
from trainers.spec import SpecError, load_spec

# age alone decides the label: 1 of 4 features, 1 of 12 dims.
SUITE: dict[str, Any] = {
    "methods": ["mutual_information", "no_selection"],
    "datasets": ["spec.yaml"],
    "retention": [0.5, 0.25],
    "seeds": 2,
}


def test_a_ranking_with_known_truth_keeps_the_true_feature(tiny_dataset: TinyDataset, run_here: Run) -> None:
    spec = yaml.safe_load(tiny_dataset.spec.read_text())
    training = {"batch_size": 64, "epochs": 20, "learning_rate": 0.05}
    tiny_dataset.spec.write_text(yaml.safe_dump({**spec, "training": training}))
    outcomes, _ = run_here(tiny_dataset.directory, **SUITE)
    quarter = [each for each in outcomes if each.retention == 0.25]
    assert [(each.method, each.seed, each.kept, each.dims) for each in quarter] == [
        ("mutual_information", 0, ("age",), 1),
        ("mutual_information", 1, ("age",), 1),
    ]
    assert all(each.auc is not None and each.auc > 0.8 for each in quarter), "it predicts by the feature that counts"


def test_a_cell_is_what_winnow_retrain_measures(tiny_dataset: TinyDataset, run_here: Run) -> None:
    outcomes, _ = run_here(tiny_dataset.directory, **SUITE)
    spec = load_spec(tiny_dataset.spec)
    direct = retrain(spec, ["age"], 2, lambda seed, quality: None)
    whole = retrain(spec, [feature.name for feature in spec.features], 2, lambda seed, quality: None)
    assert [each.auc for each in outcomes if each.retention == 0.25] == [quality.auc for quality in direct]
    assert [each.logloss for each in outcomes if each.retention == 1.0] == [quality.logloss for quality in whole]


@pytest.mark.parametrize("method", ["leap", "permutation", "random", "consensus"])
def test_every_family_has_its_search(method: str, tiny_dataset: TinyDataset, run_here: Run) -> None:
    (outcome,), _ = run_here(tiny_dataset.directory, **{**SUITE, "methods": [method], "retention": [0.5], "seeds": 1})
    assert outcome.reason is None
    assert outcome.features == 2
    has_search = method != "random"
    assert bool(outcome.search_seconds) == has_search
    assert outcome.search_epochs == {"leap": 1, "permutation": 1, "random": 0, "consensus": 3}[method]
    assert outcome.search_passes == (13 if method == "permutation" else None), "1 + 3 repeats of 4 features"


def test_dims_are_kept_as_the_rule_of_a_run_keeps_them(tiny_dataset: TinyDataset, run_here: Run) -> None:
    """Half of 12 dims: age (1) comes first, and of the others those that still fit."""
    outcomes, _ = run_here(tiny_dataset.directory, **{**SUITE, "by": "dims", "retention": [0.5], "seeds": 1})
    half = outcomes[0]
    assert half.kept[0] == "age"
    assert half.dims in {4, 5}


def test_gates_on_dims_keep_dims(tiny_dataset: TinyDataset, run_here: Run) -> None:
    """Half of 12 dims is 6, to a dim: features may stay in part."""
    suite = {**SUITE, "methods": [{"name": "leap", "granularity": "dim"}, "random"], "by": "dims", "retention": [0.5]}
    outcomes, _ = run_here(tiny_dataset.directory, **{**suite, "seeds": 1})
    assert [each.reason for each in outcomes] == [None, None]
    assert outcomes[0].dims == 6
    with pytest.raises(SpecError, match=r"granularity is dim, and ratios are shares of the features; set `by: dims`"):
        run_here(tiny_dataset.directory, **{**suite, "by": "features"})


def test_methods_that_keep_the_same_features_share_a_cell(tiny_dataset: TinyDataset, run_here: Run) -> None:
    methods = ["mutual_information", {"name": "mutual_information", "sample_rows": 400}]
    outcomes, pool = run_here(tiny_dataset.directory, **{**SUITE, "methods": methods, "retention": [0.25], "seeds": 1})
    assert [each.method for each in outcomes] == ["mutual_information", "mutual_information (sample_rows=400)"]
    assert [each.kept for each in outcomes] == [("age",), ("age",)]
    assert pool.counts() == {"search": 2, "retrain": 1}


def test_nothing_is_computed_twice(tiny_dataset: TinyDataset, run_here: Run) -> None:
    before, first = run_here(tiny_dataset.directory, **SUITE)
    assert first.counts() == {"search": 2, "retrain": 6}
    after, second = run_here(tiny_dataset.directory, **SUITE)
    assert (after, second.counts()) == (before, {})


def test_an_interrupted_benchmark_goes_on(tiny_dataset: TinyDataset, run_here: Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_here(tiny_dataset.directory, pool=HerePool(interrupt_after=3), **SUITE)
    outcomes, rest = run_here(tiny_dataset.directory, **SUITE)
    assert rest.counts() == {"retrain": 5}
    assert all(each.auc is not None for each in outcomes)


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        ({"methods": ["mutual_information", {"name": "mutual_information", "neighbors": 5}]}, {"search": 2}),
        ({"methods": ["no_selection", "mutual_information"]}, {}),
        ({"seeds": 3}, {"search": 1, "retrain": 3}),
        ({"retention": [0.5, 0.75]}, {"retrain": 2}),
        ({"backbones": ["lr"]}, {"search": 2, "retrain": 6}),
        ({"name": "other", "parallel": 2}, {}),
    ],
    ids=["a method's option", "order", "seeds", "retention", "backbone", "name"],
)
def test_a_change_invalidates_its_own_cells_alone(
    changed: dict[str, Any], anew: dict[str, int], tiny_dataset: TinyDataset, run_here: Run
) -> None:
    run_here(tiny_dataset.directory, **SUITE)
    _, pool = run_here(tiny_dataset.directory, **{**SUITE, **changed})
    assert pool.counts() == anew


def test_other_data_of_the_same_name_are_searched_anew(tiny_dataset: TinyDataset, run_here: Run) -> None:
    _, first = run_here(tiny_dataset.directory, **SUITE)
    (part,) = (tiny_dataset.directory / "test").iterdir()
    pq.write_table(pq.read_table(part).slice(0, 100), part)
    _, second = run_here(tiny_dataset.directory, **SUITE)
    assert second.counts() == first.counts()


def test_where_the_data_lie_and_what_the_set_is_called_dont_count(
    tiny_dataset: TinyDataset, run_here: Run, tmp_path: Path
) -> None:
    before, _ = run_here(tiny_dataset.directory, **SUITE)
    moved = tiny_dataset.directory.rename(tmp_path / "moved")
    spec = yaml.safe_load((moved / "spec.yaml").read_text())
    (moved / "spec.yaml").write_text(yaml.safe_dump({**spec, "name": "renamed"}))
    after, pool = run_here(moved, **SUITE)
    assert pool.counts() == {}
    assert [(each.auc, each.dataset) for each in after] == [(each.auc, "renamed") for each in before]


def test_a_cell_that_fails_is_kept_as_a_failure_and_the_rest_goes_on(
    tiny_dataset: TinyDataset, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ["mutual_information", "pearson"]
    suite = {**SUITE, "methods": methods, "retention": [0.5], "seeds": 1}
    with monkeypatch.context() as patch:
        patch.setattr("trainers.selectors.tabular.pearson.PearsonSpec.rank", _breaks)
        outcomes, pool = run_here(tiny_dataset.directory, **suite)
    assert [each.reason for each in outcomes] == [None, "search: ZeroDivisionError: no rows left"]
    assert (outcomes[1].auc, outcomes[1].features, outcomes[1].search_seconds) == (None, 0, None)
    outcomes, pool = run_here(tiny_dataset.directory, **suite)
    assert [each.reason for each in outcomes] == [None, None]
    assert pool.counts()["search"] == 1, "what failed is tried again, and no more"


def _breaks(self: object, sample: object) -> None:
    raise ZeroDivisionError("no\nrows left")


def test_a_method_that_ranks_other_features_fails_alone(
    tiny_dataset: TinyDataset, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranking = Ranking.by_score({"age": 1.0, "height": 0.5})
    monkeypatch.setattr("trainers.selectors.tabular.pearson.PearsonSpec.rank", lambda self, sample: ranking)
    suite = {**SUITE, "methods": ["pearson", "random"], "retention": [0.5], "seeds": 1}
    outcomes, _ = run_here(tiny_dataset.directory, **suite)
    assert outcomes[0].reason is not None
    assert "'clip' is in the spec alone" in outcomes[0].reason
    assert outcomes[1].reason is None


def test_side_by_side_is_the_same(tiny_dataset: TinyDataset, run_here: Run, tmp_path: Path) -> None:
    outcomes, pool = run_here(tiny_dataset.directory, pool=HerePool(slots=3), **SUITE)
    assert pool.counts() == {"search": 2, "retrain": 6}
    assert [each.seed for each in outcomes] == [0, 0, 1, 1, 0, 1], "in the suite's order, whatever ends first"


def test_the_table_has_a_row_an_outcome(tiny_dataset: TinyDataset, run_here: Run, tmp_path: Path) -> None:
    outcomes, _ = run_here(tiny_dataset.directory, **SUITE)
    write_parquet(tmp_path / "results.parquet", outcomes)
    rows = pq.read_table(tmp_path / "results.parquet").to_pylist()
    assert [row["auc"] for row in rows] == [each.auc for each in outcomes]
    assert rows[1] | {"kept": ["age"], "features": 1, "dataset": "tiny", "retention": 0.25} == rows[1]
