"""The simulator: its truth is true, its data set is what the spec says, and nothing outgrows memory."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml

from tests.support.repository import ROOT
from trainers.data.columns import text_hashes
from trainers.simulator import Simulation, compare, simulate
from trainers.simulator.logistic import auc, cost_of, log_loss, sigmoid, solve_intercept
from trainers.simulator.population import Place, Population, populate
from trainers.simulator.roles import REDUNDANT, role_counts
from trainers.simulator.tables import Categorical
from trainers.spec import SpecError, load_spec

ROWS = 40_000
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def population() -> Population:
    return populate(features=60, rows=200_000, seed=0, base_rate=0.25)


@pytest.fixture(scope="module")
def drawn(population: Population) -> dict[str, Any]:
    return population.draw(Place(stream=9, block=0, first=0, rows=ROWS))


@pytest.fixture(scope="module")
def labelled(population: Population, drawn: dict[str, Any]) -> tuple[Any, Any]:
    logits_N = population.logits(drawn)
    return population.labels(logits_N, Place(stream=9, block=0, first=0, rows=ROWS)), logits_N


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate(features=24, rows=5_000, seed=1, output=tmp_path_factory.mktemp("data") / "small")


def role_of(population: Population) -> dict[str, str]:
    return {feature.name: feature.role for feature in population.features}


def test_sixty_features_have_the_published_roles() -> None:
    counts = {"strong": 12, "weak": 8, "interaction": 6, "sparse": 6}
    counts |= {"duplicate": 6, "noise": 17, "constant": 3, "memorizable": 2}
    assert role_counts(60) == counts


@pytest.mark.parametrize("features", [10, 11, 24, 60, 131, 1000])
def test_every_role_occurs_and_counts_add_up(features: int) -> None:
    counts = role_counts(features)
    assert sum(counts.values()) == features
    assert min(counts.values()) >= 1


@pytest.mark.parametrize("features", [10, 24, 60, 200])
def test_a_third_of_the_dims_or_more_is_redundant(features: int) -> None:
    columns = populate(features=features, rows=1000, seed=3, base_rate=0.25).features
    dims = {column.name: int(str(column.declaration.get("dim", 1))) for column in columns}
    redundant = sum(dims[column.name] for column in columns if column.role in REDUNDANT)
    assert redundant >= sum(dims.values()) / 3


def test_kinds_and_sizes_are_heterogeneous(population: Population) -> None:
    declared = [feature.declaration for feature in population.features]
    assert set(Counter(d["kind"] for d in declared)) == {"dense", "categorical", "multi_categorical"}
    vectors = {d["dim"] for d in declared if d["kind"] == "dense" and "dim" in d}
    assert {min(vectors), max(vectors)} == {4, 256}  # type: ignore[type-var]
    sizes = {int(str(d["hash_size"])) for d in declared if d["kind"] == "categorical"}
    assert {min(sizes), max(sizes)} == {10, 100_000}


def test_tables_of_text_keep_its_ids_apart(population: Population) -> None:
    columns = [feature.column for feature in population.features]
    texts = [column for column in columns if isinstance(column, Categorical) and column.strings]
    assert texts
    for column in texts:
        size = int(str(column.declaration()["hash_size"]))
        assert size >= 10 * len(column.table)
        hashed = text_hashes(pa.array([f"id-{at}" for at in range(len(column.table))]), 0) % np.uint64(size)
        _, counts = np.unique(hashed, return_counts=True)
        assert counts[counts > 1].sum() <= 0.05 * len(column.table)


def test_terms_are_worth_what_their_roles_promise(population: Population) -> None:
    roles, costs = role_of(population), population.costs()
    worth = {role: [costs[name] for name, given in roles.items() if given == role] for role in set(roles.values())}
    assert min(worth["strong"]) >= 0.003
    assert min(worth["interaction"]) >= 0.002
    assert min(worth["sparse"]) >= 0.002
    assert min(worth["weak"]) >= 0.0002
    assert max(worth["weak"]) <= 0.001
    assert all(max(worth[role]) == 0 for role in REDUNDANT)
    assert sum(population.shares().values()) == pytest.approx(1)


def test_dropping_a_feature_costs_at_least_what_the_best_model_without_it_loses(population: Population) -> None:
    """Plain ablation (the term at its mean) is one of the models that don't see the feature, and not the best."""
    logits_N = population.logits_of(population.pilot)
    p_N = sigmoid(logits_N)

    def expected_loss(logit_N: Any) -> float:
        return float((p_N * np.logaddexp(0, -logit_N) + (1 - p_N) * np.logaddexp(0, logit_N)).mean())

    costs = population.costs()
    for name in population.informative:
        mean_N = np.full(len(p_N), population.pilot[name].mean())
        dropped_N = population.logits_of({**population.pilot, name: mean_N})
        assert expected_loss(dropped_N) - expected_loss(logits_N) > 0.99 * costs[name], name


def test_cost_of_a_fair_coin_is_its_mutual_information() -> None:
    """logit ±2 with equal chances: without it p̂ = ½, and the cost is ln 2 − H(σ(2))."""
    effect_N = np.tile([-2.0, 2.0], 50)
    p = 1 / (1 + np.exp(-2))
    expected = np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)
    assert cost_of(effect_N, lambda given_N: given_N) == pytest.approx(expected, rel=1e-9)


def test_interaction_features_tell_nothing_alone_and_much_with_their_partner(
    population: Population, drawn: dict[str, Any], labelled: tuple[Any, Any]
) -> None:
    label_N, _ = labelled
    interactions = [term for term in population.terms if len(term.names) == 2]
    assert len(interactions) == 6
    columns = {feature.name: feature.column for feature in population.features}
    for term in interactions:
        alone_N = columns[term.names[0]].effect(drawn[term.names[0]])  # type: ignore[union-attr]
        assert auc(label_N, alone_N) == pytest.approx(0.5, abs=0.012)
        assert auc(label_N, np.abs(alone_N)) == pytest.approx(0.5, abs=0.012)
        assert role_of(population)[term.names[1]] == "strong"
        together = auc(label_N, term.of(population.effects(drawn)))
        assert together is not None
        assert together > 0.55


def test_sparse_features_are_at_their_default_in_99_percent_of_rows(
    population: Population, drawn: dict[str, Any], labelled: tuple[Any, Any]
) -> None:
    label_N, _ = labelled
    for feature in population.features:
        if feature.role == "sparse":
            present_N = feature.column.present(drawn[feature.name])  # type: ignore[union-attr]
            assert 0.005 < present_N.mean() <= 0.01, feature.name
            assert label_N[present_N].mean() > 0.55, feature.name


def test_effects_have_unit_variance(population: Population, drawn: dict[str, Any]) -> None:
    for feature in population.features:
        if feature.role in {"strong", "weak"}:
            effect_N = feature.column.effect(drawn[feature.name])  # type: ignore[union-attr]
            assert effect_N.mean() == pytest.approx(0, abs=0.04), feature.name
            assert effect_N.var() == pytest.approx(1, abs=0.06), feature.name


def test_duplicates_follow_what_they_copy(population: Population, drawn: dict[str, Any]) -> None:
    copies = [feature for feature in population.features if feature.role == "duplicate"]
    assert len(copies) == 6
    for feature in copies:
        copy, original = drawn[feature.name], drawn[str(feature.copy_of)]
        if feature.declaration["kind"] == "dense":
            correlation = np.corrcoef(copy.reshape(-1), original.reshape(-1))[0, 1]
            assert 0.98 < abs(correlation) < 1, feature.name
        else:
            same = np.mean(getattr(copy, "ids_M", copy) == getattr(original, "ids_M", original))
            assert 0.94 < same < 0.99, feature.name


def test_constants_and_row_keys(population: Population, drawn: dict[str, Any]) -> None:
    stored = {f.name: f.column.arrow(drawn[f.name]) for f in population.features}
    roles = role_of(population)
    for name, column in stored.items():
        if roles[name] == "constant":
            rows = column.to_pylist()
            assert all(row == rows[0] for row in rows), name
        elif roles[name] == "memorizable":
            assert len(column.unique()) == ROWS, name


def test_signal_is_learnable_from_tables_of_two_thousand_ids_or_fewer(
    population: Population, drawn: dict[str, Any]
) -> None:
    for feature in population.features:
        if feature.role in {"strong", "weak"} and feature.declaration["kind"] == "categorical":
            _, count = np.unique(drawn[feature.name], return_counts=True)
            assert len(count) <= 2000
            assert np.quantile(count, 0.05) >= 2, feature.name


def test_labels_follow_the_logits(labelled: tuple[Any, Any]) -> None:
    label_N, logits_N = labelled
    assert label_N.mean() == pytest.approx(0.25, abs=0.01)
    bayes = auc(label_N, logits_N)
    assert bayes is not None
    assert 0.85 < bayes < 0.92
    high_N = logits_N > 1
    assert label_N[high_N].mean() == pytest.approx(sigmoid(logits_N[high_N]).mean(), abs=0.02)


@pytest.mark.parametrize("rate", [0.02, 0.6])
def test_the_base_rate_is_settable(rate: float) -> None:
    population = populate(features=12, rows=1000, seed=5, base_rate=rate)
    place = Place(stream=7, block=0, first=0, rows=20_000)
    assert population.labels(population.logits(population.draw(place)), place).mean() == pytest.approx(rate, rel=0.15)


def test_arithmetic_of_the_logistic_model() -> None:
    assert auc(np.array([True, False, True, False]), np.array([3.0, 1.0, 2.0, 2.0])) == pytest.approx(3.5 / 4)
    assert auc(np.array([True, True]), np.array([0.0, 1.0])) is None
    assert log_loss(np.array([True, False]), np.array([0.0, np.log(3)])) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert solve_intercept(np.zeros(3), 0.2) == pytest.approx(np.log(0.25))
    np.testing.assert_allclose(sigmoid(np.array([-1000.0, 0.0, np.log(3)])), [0, 0.5, 0.75])


def test_the_directory_is_complete_and_its_spec_describes_it(small: Simulation) -> None:
    spec = load_spec(small.spec)
    assert sorted(path.name for path in small.path.iterdir()) == [
        "spec.yaml", "test", "train", "truth.json", "validation",
    ]  # fmt: skip
    assert [ds.dataset(small.path / name).count_rows() for name in ("train", "validation", "test")] == [4000, 500, 500]
    files = sorted((small.path / "train").iterdir())
    assert len(files) > 1
    assert pq.ParquetFile(files[0]).num_row_groups > 1
    schema = ds.dataset(spec.dataset.train).schema
    assert {feature.name for feature in spec.features} | {"label", "user_id"} == set(schema.names)
    for feature in spec.features:
        stored = schema.field(feature.name).type
        assert pa.types.is_list(stored) == (feature.kind == "multi_categorical")
        assert pa.types.is_fixed_size_list(stored) == (feature.kind == "dense" and feature.dim > 1)


def test_int_ids_fit_their_tables(small: Simulation) -> None:
    table = ds.dataset(small.path / "train").to_table()
    truth = json.loads(small.truth.read_text())["features"]
    for feature in load_spec(small.spec).features:
        column: Any = table[feature.name].combine_chunks()
        if feature.kind == "multi_categorical":
            assert column.value_lengths().to_numpy().max() <= 10
            column = column.flatten()
        if (
            feature.kind != "dense"
            and pa.types.is_integer(column.type)
            and truth[feature.name]["role"] != "memorizable"
        ):
            assert 0 <= column.to_numpy().min() <= column.to_numpy().max() < feature.hash_size


def test_truth_tells_role_kind_dim_share_and_the_limit(small: Simulation) -> None:
    truth = json.loads(small.truth.read_text())
    spec = load_spec(small.spec)
    assert {n: (f["kind"], f["dim"]) for n, f in truth["features"].items()} == {
        f.name: (f.kind, f.dim) for f in spec.features
    }
    assert Counter(f["role"] for f in truth["features"].values()) == Counter(role_counts(24))
    assert sum(f["logit_variance_share"] for f in truth["features"].values()) == pytest.approx(1)
    assert truth["bayes_auc"] == small.bayes_auc
    label_N = ds.dataset(small.path / "test").to_table(columns=["label"])["label"].to_numpy()
    assert label_N.mean() == pytest.approx(truth["base_rate"])
    assert 0.8 < truth["bayes_auc"] < 0.97


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(small: Simulation, tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate(features=24, rows=5_000, seed=seed, output=tmp_path / str(seed))
    labels = [ds.dataset(path / "train").to_table() for path in (small.path, tmp_path / "1", tmp_path / "2")]
    assert labels[0].equals(labels[1])
    assert not labels[0].equals(labels[2])


def test_splits_and_blocks_do_not_repeat_each_other(small: Simulation) -> None:
    names = [f.name for f in load_spec(small.spec).features if f.name.startswith("scalar")]
    truth = json.loads(small.truth.read_text())["features"]
    varying = next(name for name in names if truth[name]["role"] == "strong")
    parts = [ds.dataset(small.path / s).to_table(columns=[varying])[varying] for s in ("train", "validation", "test")]
    values = np.concatenate([part.to_numpy() for part in parts])
    assert len(np.unique(values)) > 0.999 * len(values)


def test_an_earlier_data_set_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    output = tmp_path / "data"
    for seed in (0, 1):
        simulate(features=10, rows=200, seed=seed, output=output)
    assert yaml.safe_load((output / "spec.yaml").read_text())["training"]["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(SpecError, match=r"output: .*mine exists and is no data set"):
        simulate(features=10, rows=200, seed=0, output=tmp_path / "mine")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": 9}, "features: 9 .* at least 10"),
        ({"rows": 50}, "rows: 50 .* at least 100"),
        ({"seed": -1}, "seed: -1 is negative"),
        ({"base_rate": 1.0}, "base_rate: 1.0 .* between 0 and 1"),
    ],
)
def test_numbers_out_of_range_are_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    numbers = {"features": 10, "rows": 200, "seed": 0, "base_rate": 0.25} | given
    with pytest.raises(SpecError, match=message):
        simulate(**numbers, output=tmp_path / "data")
    assert not list(tmp_path.iterdir())


def test_compare_names_the_wrong_ones() -> None:
    roles = {"a": "strong", "b": "strong", "c": "noise", "d": "noise", "e": "weak"}
    truth = {"features": {name: {"role": role} for name, role in roles.items()}}
    strong, weak, noise = compare(truth, {"a": "keep", "b": "prune", "c": "keep", "d": "prune", "e": "prune"})
    assert (strong.role, strong.total, strong.kept, strong.pruned, strong.expected) == ("strong", 2, 1, 1, "keep")
    assert (strong.wrong, noise.wrong, weak.wrong) == (("b",), ("c",), ())
    assert (weak.expected, noise.expected) == ("either", "prune")
    with pytest.raises(ValueError, match="'e' has none"):
        compare(truth, {"a": "keep", "b": "keep", "c": "keep", "d": "keep"})


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(example: Path) -> None:
    assert load_spec(example).features


@pytest.mark.parametrize("name", ["simulated.yaml", "minimal.yaml"])
def test_examples_name_columns_that_simulate_writes(name: str) -> None:
    written = populate(features=16, rows=50_000, seed=0, base_rate=0.25).features
    declared = {feature.name: feature.declaration for feature in written}
    for feature in yaml.safe_load((EXAMPLES / name).read_text())["features"]:
        assert declared[feature["name"]] == feature


def test_a_feature_replaced_by_its_kept_copy_is_not_lost() -> None:
    truth = {"features": {"a": {"role": "strong"}, "b": {"role": "duplicate", "copy_of": "a"}}}
    lost = {outcome.role: outcome.wrong for outcome in compare(truth, {"a": "prune", "b": "prune"})}
    replaced = {outcome.role: outcome.wrong for outcome in compare(truth, {"a": "prune", "b": "keep"})}
    assert (lost["strong"], replaced["strong"]) == (("a",), ())
