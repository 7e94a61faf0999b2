"""Everything that keeps a spec from being run is told before it runs, all at once; leaks are told."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.ray.local_cluster import HEAD_ENVIRONMENT
from trainers.data.checks.check import DataSummary, check
from trainers.data.checks.leaks import SAMPLE_ROWS, single_feature_aucs
from trainers.data.checks.memory import find_memory_problem, format_bytes, model_memory
from trainers.data.decode import Decoder
from trainers.data.source import Source
from trainers.problems import MOST_LINES
from trainers.spec import JobSpec, SpecError, parse_spec

ROWS = 4000
SPLITS = ("train", "validation", "test")


def spec_of(root: Path, *features: dict[str, Any], dataset: dict[str, Any] | None = None, **more: Any) -> JobSpec:
    places = {split: str(root / split) for split in SPLITS}
    base = {"features": list(features), "training": {"batch_size": 4}}
    return parse_spec({"dataset": {**places, **(dataset or {})}, **base, **more})


def columns(seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    age = random.normal(size=ROWS)
    user = random.integers(0, 50, ROWS)
    label = (random.random(ROWS) < 1 / (1 + np.exp(-age - user % 2))).astype(np.int8)
    return {"age": age, "user": user, "label": label, "w": np.ones(ROWS), "g": np.arange(ROWS) // 4}


def write(root: Path, split: str, **changes: Any) -> None:
    (root / split).mkdir(exist_ok=True)
    pq.write_table(pa.table({**columns(SPLITS.index(split)), **changes}), root / split / "part.parquet")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in SPLITS:
        write(tmp_path, split)
    return tmp_path


AGE = {"name": "age", "kind": "dense"}
USER = {"name": "user", "kind": "categorical", "hash_size": 50, "dim": 4}


def refusal(spec: JobSpec) -> list[str]:
    with pytest.raises(SpecError) as refused:
        check(spec)
    return str(refused.value).splitlines()


def test_errors_of_all_kinds_are_told_at_once(root: Path) -> None:
    write(root, "validation", w=np.zeros(ROWS))
    write(root, "test", age=["x"] * ROWS, label=np.zeros(ROWS))
    found = refusal(
        spec_of(
            root,
            AGE,
            {**USER, "ids": "checked", "default": 50},
            {"name": "city", "kind": "dense"},
            {"name": "town", "kind": "dense"},
            {"name": "clicked", "column": "label", "kind": "dense"},
            dataset={"weight": "w"},
            prune={"rule": "top_k", "top_k": 9},
        )
    )
    assert len(found) == len(set(found))
    starts = (
        "feature 'clicked': column 'label' is dataset.label",
        "prune.top_k: 9 of 5 features",
        "feature 'user': `default` has id 50",
        "column 'city' is missing from ",
        "column 'town' is missing from ",
        "dataset.weight: column 'w' is 0 in every row of ",
        "dataset: column 'age' is double in ",
        "dataset.test: label 'label' is 0 in every row that has a weight of ",
    )
    for start in starts:
        assert any(line.startswith(start) for line in found), (start, found)


def test_many_errors_are_cut(root: Path) -> None:
    found = refusal(spec_of(root, *({"name": f"lost{at}", "kind": "dense"} for at in range(100))))
    assert len(found) == MOST_LINES + 1
    assert found[-1].startswith("… and ")


def test_rows_without_weight_say_nothing_of_classes(root: Path) -> None:
    label = columns(1)["label"]
    write(root, "validation", w=(label == 1).astype(float))
    (line,) = refusal(spec_of(root, AGE, dataset={"weight": "w"}))
    assert line.startswith("dataset.validation: label 'label' is 1 in every row that has a weight of ")


@pytest.mark.parametrize("groups", [np.arange(ROWS), columns(2)["label"] + 10 * (np.arange(ROWS) % 3)])
def test_gauc_needs_a_group_with_both_labels_on_the_test_split(root: Path, groups: Any) -> None:
    more = {"dataset": {"group": "g"}, "prune": {"guard": {"metric": "gauc"}}}
    check(spec_of(root, AGE, **more))
    write(root, "test", g=groups)
    (line,) = refusal(spec_of(root, AGE, **more))
    assert line.startswith("prune.guard.metric: gauc has no group to be measured on: no value of 'g'")
    check(spec_of(root, AGE, dataset={"group": "g"}))


def test_a_group_whose_labels_lie_far_apart_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.data.checks.usable.READ_ROWS", 100)
    groups, label = np.arange(ROWS), np.zeros(ROWS, np.int8)
    groups[[0, -1]], label[-1] = 7_000, 1
    write(root, "test", g=groups, label=label)
    check(spec_of(root, AGE, dataset={"group": "g"}, prune={"guard": {"metric": "gauc"}}))


def test_tables_are_added_up_and_the_largest_named(root: Path) -> None:
    big = {"name": "big", "column": "user", "kind": "categorical", "hash_size": 2**40, "dim": 16}
    (line,) = refusal(spec_of(root, AGE, USER, big))
    assert line.startswith(
        "features: tables and backbone take 128 TiB while they are trained, the largest table 'big' 128 TiB, "
    )
    assert "lower `hash_size` or `dim`" in line


def test_what_tables_take(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    features = (
        {**USER, "hash_size": 100, "dim": 3, "default": 0},
        {**USER, "name": "b", "hash_size": 999, "dim": 4},  # and a row for null
    )
    flat = {"backbone": "mlp", "hidden": []}  # a weight for each of 8 dims, and a bias
    backbone = 2 * 4 * 4 * 9
    adagrad = spec_of(root, AGE, *features, model=flat, scaling={"workers": 2})
    assert model_memory(adagrad).bytes == 2 * 4 * 4 * 1100 + backbone
    assert model_memory(adagrad).largest == (
        ("table 'b'", 2 * 16_000), ("table 'user'", 2 * 1600), ("backbone mlp", backbone)
    )  # fmt: skip
    adam = spec_of(root, AGE, *features, model=flat, scaling={"workers": 2}, training={"embedding_optimizer": "adam"})
    assert model_memory(adam).bytes == 4 * 2 * 4 * 4 * 1100 + backbone
    assert find_memory_problem(adagrad, 35_488) == (None, None)
    error, warning = find_memory_problem(adagrad, 35_487)
    assert error is not None
    assert warning is None
    monkeypatch.setenv("RAY_ADDRESS", "ray.example:6379")
    error, warning = find_memory_problem(adagrad, 35_487)
    assert error is None
    assert "unless the workers' machines have more" in str(warning)
    for name, value in HEAD_ENVIRONMENT.items():  # Of the Ray that a service starts on its own machine.
        monkeypatch.setenv(name, value)
    error, warning = find_memory_problem(adagrad, 35_487)
    assert "this machine has 34.7 KiB" in str(error)
    assert warning is None
    stated = spec_of(root, *features, model=flat, scaling={"workers": 2, "topology": {"memory_bytes": 17_599}})
    error, _ = find_memory_problem(stated)
    assert "scaling.topology.memory_bytes gives the workers 34.4 KiB" in str(error)
    assert format_bytes(64 * 2**40) == "64 TiB"


@pytest.mark.parametrize(
    ("model", "largest"),
    [
        # 2²⁰ · 2²⁰ weights and 16 bytes of each, but for the few of the first and the last layer.
        ({"backbone": "wide_deep", "hidden": [2**20, 2**20]}, "backbone wide_deep 16 TiB"),
        ({"backbone": "autoint", "attention_dim": 2**20}, "backbone autoint 160 TiB"),  # 2 layers of 5 such matrices
    ],
)
def test_a_backbone_beyond_memory_is_told_before_it_is_built(root: Path, model: dict[str, Any], largest: str) -> None:
    (line,) = refusal(spec_of(root, AGE, USER, model=model))
    assert line.startswith("model: tables and backbone take ")
    assert f"the largest {largest}" in line
    assert "lower the sizes of its layers" in line


def summary(root: Path, **changes: Any) -> DataSummary:
    write(root, "train", **changes)
    names = [name for name in changes if name != "label"]
    lists = [name for name in names if isinstance(changes[name], pa.Array)]
    features = [
        {"name": name, "kind": "multi_categorical", "hash_size": 2**20}
        if name in lists
        else {"name": name, "kind": "categorical", "hash_size": 2**20}
        if np.asarray(changes[name]).dtype.kind == "i"
        else {"name": name, "kind": "dense", "dim": 1 if np.ndim(changes[name]) == 1 else 2}
        for name in names
    ]
    for split in ("validation", "test"):
        write(root, split, **changes)
    return check(spec_of(root, *features))


def test_copies_of_the_label_are_told_whatever_their_form(root: Path) -> None:
    label = columns()["label"].astype(np.int64)
    random = np.random.default_rng(5)
    found = summary(
        root,
        label=label,
        copy=label.astype(float),
        negative=1 - label + random.normal(size=ROWS) * 0.01,
        far=np.where(label == 1, 0.0, random.choice([-1.0, 1.0], ROWS)),
        ids=label * 100 + random.integers(0, 10, ROWS),
        pairs=list(np.stack([random.normal(size=ROWS), label + 0.0], 1)),
        tags=pa.array([[7, 8] if each else [9] for each in label], pa.list_(pa.int64())),
        unique=np.arange(ROWS),
        noise=random.normal(size=ROWS),
    )
    aucs = found.single_feature_auc
    for name in ("copy", "ids", "pairs", "tags", "negative", "far"):
        assert aucs[name] > 0.99, name
    assert aucs["unique"] == 0.5
    assert aucs["noise"] < 0.56
    leaks = [line for line in found.warnings if "alone predicts the label with AUC" in line]
    assert len(leaks) == 6
    assert leaks[0].startswith("feature 'copy' alone predicts the label with AUC 1.000")


def test_the_auc_of_a_number_by_hand(root: Path) -> None:
    """Score 0 for a third of the negatives, 1 for all else: (1/3 · 1 + 2/3 · 1/2) of the pairs are won."""
    label = np.tile([0, 0, 0, 1], ROWS // 4)
    score = np.tile([0.0, 1.0, 1.0, 1.0], ROWS // 4)
    found = summary(root, label=label, score=score).single_feature_auc["score"]
    assert found == pytest.approx(2 / 3, abs=0.02)


def test_few_rows_of_a_class_say_nothing(root: Path) -> None:
    label = np.zeros(ROWS, np.int8)
    label[:29] = 1
    assert summary(root, label=label, copy=label.astype(float)).single_feature_auc == {}


def test_a_large_sample_is_cut(root: Path) -> None:
    many = 4 * SAMPLE_ROWS
    label = np.arange(many) % 2
    path = root / "many.parquet"
    pq.write_table(pa.table({"age": label + 0.0, "label": label}), path)
    decoder = Decoder(spec_of(root, AGE))
    table = Source.open(str(path)).read(decoder.columns, 0, many)
    assert single_feature_aucs(decoder, table) == {"age": 1.0}
