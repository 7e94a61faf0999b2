"""Statistics by hand, and holding a spec against its data."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.checks.check import CHECKED_ROWS, check
from trainers.data.checks.collisions import count_collisions
from trainers.data.decode import Decoder
from trainers.data.source import Source
from trainers.data.statistics import statistics
from trainers.spec import CategoricalFeature, JobSpec, SpecError, parse_spec

# So few rows can't tell a small drop, which `check` says.
ANY_DROP = {"prune": {"guard": {"max_drop": 1.0}}}


def spec_of(root: Path, *features: dict[str, Any], **more: Any) -> JobSpec:
    dataset = {"train": str(root / "train"), "validation": str(root / "validation"), "test": str(root / "test")}
    return parse_spec(
        {"dataset": dataset, "features": list(features), "training": {"batch_size": 4}, **ANY_DROP, **more}
    )


def write(root: Path, split: str, **columns: Any) -> None:
    (root / split).mkdir(exist_ok=True)
    # Without the mark the files of splits with the same rows would be copies.
    table = pa.table(columns).replace_schema_metadata({"split": split})
    pq.write_table(table, root / split / "part.parquet", row_group_size=3)


AGE = {"name": "age", "kind": "dense"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "validation", "test"):
        write(
            tmp_path,
            split,
            age=[1.0, None, 3.0, 0.0, 5.0, 6.0, 7.0, 8.0],
            user=[0, 1, None, 3, 4, 5, 6, 7],
            tags=pa.array([[1], [], None, [2], [3], [], [1], [1]], pa.list_(pa.int64())),
            label=[0, 1, 0, 0, 0, 0, 0, 1],
        )
    return tmp_path


def test_a_summary(root: Path) -> None:
    features = (
        AGE,
        {"name": "user", "kind": "categorical", "hash_size": 8, "ids": "checked"},
        {"name": "tags", "kind": "multi_categorical", "hash_size": 8},
    )
    summary = check(spec_of(root, *features, scaling={"workers": 2}))
    assert list(summary.splits) == ["train", "validation", "test"]
    train = summary.splits["train"]
    assert (train.rows, train.files, train.checked_rows, train.base_rate) == (8, 1, 8, 0.25)
    assert summary.share_at_default["age"] == {"train": 0.25, "validation": 0.25, "test": 0.25}
    assert summary.share_at_default["user"]["train"] == 0.125
    assert summary.share_at_default["tags"]["test"] == 0.375
    (few,) = summary.warnings
    assert few.startswith("dataset.validation: 8 rows, about 2 of them of the rarer label, ")


def test_the_base_rate_is_by_weight_as_the_report_has_it(root: Path) -> None:
    """Weights 1 to 4, labels 0, 1, 0, 1: 6 of 10, and half of the rows."""
    for split in ("train", "validation", "test"):
        write(root, split, age=[1.0, 2.0, 3.0, 4.0], w=[1.0, 2.0, 3.0, 4.0], label=[0, 1, 0, 1])
    spec = spec_of(root, AGE)
    train = check(spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"weight": "w"})})).splits["train"]
    assert (train.base_rate, train.positive_share) == (0.6, 0.5)


def test_splits_cut_out_of_one_file(root: Path) -> None:
    rows = 1000
    write(root, "train", age=np.arange(rows, dtype=float), label=np.arange(rows) % 2)
    dataset = {"train": str(root / "train"), "splits": {"validation": 0.2, "test": 0.1}}
    spec = parse_spec({"dataset": dataset, "features": [AGE], "training": {"batch_size": 4}})
    found = {name: split.rows for name, split in check(spec).splits.items()}
    assert sum(found.values()) == rows
    assert found["train"] > found["validation"] > found["test"] > 50


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ({"user": [1] * 8}, {}, r"'age' is missing from .*; near it are 'agee'"),
        ({"age": [[1.0]] * 8}, {}, "'age' is list.* in .*train/part.parquet and double in .*validation/part.parquet"),
        ({"age": [0.0] * 8, "label": [0] * 8}, {}, "is 0 in every row"),
        ({"age": [0.0] * 7, "label": [0, 1] * 3 + [1]}, {"scaling": {"workers": 2}}, "7 rows are fewer than .*2 × 4"),
        ({"age": pa.array([], pa.float64()), "label": pa.array([], pa.int8())}, {}, "has no rows"),
    ],
)
def test_refusals_name_the_split_or_the_column(
    root: Path, change: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    columns = (
        {"agee": [0.0] * 8, "label": [0, 1] * 4, **change} if "age" not in change else {"label": [0, 1] * 4, **change}
    )
    write(root, "train", **columns)
    with pytest.raises(SpecError, match=words):
        check(spec_of(root, AGE, **more))


def test_a_split_other_than_train_is_held_against_the_spec_too(root: Path) -> None:
    write(root, "test", age=["x"] * 8, label=[0, 1] * 4)
    with pytest.raises(SpecError, match=r"'age' is double in .*train/.* and string in .*test/part.parquet"):
        check(spec_of(root, AGE))
    for split in ("train", "validation"):
        write(root, split, age=["x"] * 8, label=[0, 1] * 4)
    with pytest.raises(SpecError, match="'age' is string"):
        check(spec_of(root, AGE))
    for split in ("train", "validation"):
        write(root, split, age=[1.0] * 8, label=[0, 1] * 4)
    write(root, "test", age=[1.0], label=[1])
    with pytest.raises(SpecError, match=r"dataset\.test: 1 rows for 1 workers"):
        check(spec_of(root, AGE))


USER = {"name": "user", "kind": "categorical", "hash_size": 8}
INTS = [0, 1, None, 3, 4, 5, 6, 7]
TEXT = [None if number is None else str(number) for number in INTS]


@pytest.mark.parametrize(
    ("train", "test", "refused"),
    [
        (pa.array(INTS), pa.array(TEXT), "column 'user' is int64 in .*train/.* and string in .*test/part.parquet"),
        (pa.array(INTS), pa.array(TEXT).dictionary_encode(), "'user' is int64 in .* and dictionary"),
        (pa.array(INTS), pa.array(INTS, pa.float64()), "'user' is double; ids are integers or strings.* .in .*test/"),
        (pa.array(INTS), pa.array(INTS, pa.uint8()), None),
        (pa.array(INTS), pa.nulls(8), None),
        (pa.array(TEXT), pa.array(TEXT).dictionary_encode(), None),
        (pa.array(TEXT, pa.string_view()), pa.array(TEXT, pa.large_string()), None),
        (pa.array(TEXT, pa.binary()), pa.array(TEXT), None),
    ],
)
def test_ids_of_another_kind_in_another_split_are_refused(
    root: Path, train: pa.Array, test: pa.Array, refused: str | None
) -> None:
    label = [0, 1] * 4
    for split, column in (("train", train), ("validation", train), ("test", test)):
        write(root, split, user=column, label=label)
    if refused is None:
        assert check(spec_of(root, USER)).splits["test"].rows == 8
    else:
        with pytest.raises(SpecError, match=refused):
            check(spec_of(root, USER))


def test_a_file_whose_rows_are_not_checked_is_held_against_the_spec_too(root: Path) -> None:
    """In one directory, beyond the first rows: ids that became floats for want of an integer null."""
    rows = CHECKED_ROWS
    many = {"user": np.arange(rows) % 8, "label": np.arange(rows) % 2}
    pq.write_table(pa.table(many), root / "train" / "a.parquet")
    (root / "train" / "part.parquet").unlink()
    pq.write_table(pa.table({"user": [1.0, 2.0], "label": [0, 1]}), root / "train" / "b.parquet")
    with pytest.raises(SpecError, match=r"'user' is double; .*\(in .*train/b.parquet\)"):
        check(spec_of(root, USER))


def test_a_label_that_is_rare_is_a_warning_and_a_sorted_one_is_not(root: Path) -> None:
    rows = 70_000
    (root / "train" / "part.parquet").unlink()
    label = np.repeat([0, 1], [66_000, 4_000])
    pq.write_table(pa.table({"age": np.zeros(rows), "label": label}), root / "train" / "part.parquet")
    summary = check(spec_of(root, AGE))
    assert summary.splits["train"].checked_rows == 65_536
    assert [line for line in summary.warnings if "dataset.label" in line] == []  # Read from all over the file.
    rare = np.zeros(rows, np.int8)
    rare[[8_200, 8_300]] = 1  # Between the first two runs of rows that are read.
    pq.write_table(pa.table({"age": np.zeros(rows), "label": rare}), root / "train" / "part.parquet")
    (line,) = [line for line in check(spec_of(root, AGE)).warnings if "dataset.label" in line]
    assert "'label' is 0 in 65,536 of 70,000 training rows (from all over the files): what others have is rare" in line


def test_statistics_by_hand(root: Path) -> None:
    write(
        root,
        "train",
        age=[1.0, None, 5.0, 8.0],
        vector=[[1.0, 2.0], [3.0, 2.0], [5.0, 2.0], [7.0, 2.0]],
        raw=[10.0, 20.0, 30.0, 40.0],
        label=[0, 1, 0, 1],
    )
    features = (
        {**AGE, "default": 2.0},
        {"name": "vector", "kind": "dense", "dim": 2},
        {"name": "raw", "kind": "dense", "normalize": "none"},
    )
    found = statistics(Source.open(str(root / "train")), spec_of(root, *features))
    assert found.scale_D.mean_D.dtype == found.scale_D.std_D.dtype == np.float64
    assert found.scale_D.mean_D.tolist() == pytest.approx([4.0, 4.0, 2.0, 0.0])
    assert found.scale_D.std_D.tolist() == pytest.approx([7.5**0.5, 5.0**0.5, 1.0, 1.0])


def test_the_mean_weight_is_that_of_the_training_rows(root: Path) -> None:
    write(root, "train", age=[1.0, 2.0, 3.0, 4.0], w=[0.0, 1e-4, 3e-4, 4e-4], label=[0, 1, 0, 1])
    spec = spec_of(root, AGE)
    spec = spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"weight": "w"})})
    source = Source.open(str(root / "train"))
    found = statistics(source, spec)
    assert found.weight_mean == pytest.approx(2e-4)
    rows = Decoder(spec, found).decode(source.read(["age", "w", "label"], 0, 4))
    assert rows.weight_N.tolist() == pytest.approx([0.0, 0.5, 1.5, 2.0])
    write(root, "train", age=[1.0, 2.0], w=[0.0, 0.0], label=[0, 1])
    with pytest.raises(SpecError, match=r"dataset\.weight: column 'w' has a mean of 0"):
        statistics(Source.open(str(root / "train")), spec)


def test_large_offsets_keep_their_spread(root: Path) -> None:
    """Seconds of a minute after an epoch: float32 has steps of 128 s there."""
    seconds = np.arange(60)
    columns = {"age": 1_700_000_000 + seconds, "nanos": 10**9 * (1_700_000_000 + seconds), "label": seconds % 2}
    write(root, "train", **columns, tiny=(seconds * 1e-41).astype(np.float32), huge=seconds * 1e200)
    spec = spec_of(root, AGE, *({"name": name, "kind": "dense"} for name in ("nanos", "tiny", "huge")))
    source = Source.open(str(root / "train"))
    found = statistics(source, spec)
    deviation = np.sqrt((60**2 - 1) / 12)
    assert found.scale_D.std_D[:2].tolist() == pytest.approx([deviation, 1e9 * deviation])
    assert found.constant_D.tolist() == [False, False, True, True]
    spec = spec_of(root, *spec.model_dump()["features"][:3])
    dense_ND = Decoder(spec, found).decode(source.read(["age", "nanos", "tiny", "label"], 0, 60)).dense_ND
    expected = (seconds - 29.5) / deviation
    assert dense_ND[:, 0] == pytest.approx(expected, rel=1e-6)
    assert dense_ND[:, 1] == pytest.approx(expected, rel=1e-6)
    assert dense_ND[:, 2] == pytest.approx(np.zeros(60), abs=1e-38)


@pytest.mark.parametrize(
    ("numbers", "options", "words"),
    [
        (1_700_000_000 + np.arange(60), {}, None),
        (1_700_000_000 + np.arange(60), {"normalize": "none"}, "60 distinct values .* become 1 in float32"),
        (2**60 + np.arange(60) % 2, {}, "2 distinct values .* become 1 in float32"),
        (np.arange(60) * 1e3, {"normalize": "none"}, r"a mean of 2.95e\+04 and a deviation of 1.73e\+04, and `norm"),
        (np.arange(60) * 1e-5, {"normalize": "none"}, r"a mean of 0.000295 and a deviation of 0.000173, and `normal"),
        (np.arange(60) / 10, {"normalize": "none"}, None),
        (2**60 + np.arange(60), {}, "60 distinct values .* become 1 in float32|counts as constant"),
        (np.r_[np.arange(59) / 59, 1e20], {}, None),
        (
            np.r_[np.arange(59) / 59, 1e20],
            {"normalize": "linear"},
            "60 distinct values .* become 2 in float32; .* clip",
        ),
        (
            (np.arange(60) * 1e-41).astype(np.float32),
            {},
            "'age' deviates by 1.7e-40 around 2.9e-40, .* counts as const",
        ),
        (0.1 + np.arange(60) // 2 % 2 * 1e-16, {}, "counts as constant"),
        (np.full(60, 0.1), {}, "features with one value in all 60 training rows: 'age'"),
        (np.r_[np.zeros(59), 1.0], {}, None),
    ],
)
def test_numbers_that_float32_makes_equal_are_a_warning(
    root: Path, numbers: np.ndarray, options: dict[str, Any], words: str | None
) -> None:
    for split in ("train", "validation", "test"):
        write(root, split, age=numbers, label=np.arange(60) % 2)
    found = check(spec_of(root, {**AGE, **options})).warnings
    warnings = [line for line in found if not line.startswith("dataset.validation: 60 rows, ")]
    assert len(warnings) == (words is not None)
    if words is not None:
        assert re.search(words, warnings[0]), warnings[0]


def test_statistics_keep_their_digits_and_know_a_constant(tmp_path: Path) -> None:
    wave = np.tile([-1.0, 1.0], 5000)
    pq.write_table(
        pa.table({"far": 1e6 + wave, "constant": np.full(10_000, 0.1), "label": np.zeros(10_000)}),
        tmp_path / "x.parquet",
        row_group_size=700,
    )
    features = {"name": "far", "kind": "dense"}, {"name": "constant", "kind": "dense"}
    found = statistics(Source.open(str(tmp_path)), spec_of(tmp_path, *features))
    assert found.scale_D.mean_D.tolist() == pytest.approx([1e6, 0.1])
    assert found.scale_D.std_D.tolist() == pytest.approx([1.0, 1.0])


def test_statistics_of_a_sample_cover_the_whole_range(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": np.arange(100_000.0), "label": np.zeros(100_000)}), tmp_path / "x.parquet")
    found = statistics(Source.open(str(tmp_path)), spec_of(tmp_path, AGE), max_rows=1000)
    assert found.scale_D.mean_D.item() == pytest.approx(50_000, rel=0.02)
    assert found.scale_D.std_D.item() == pytest.approx(100_000 / 12**0.5, rel=0.02)


def test_statistics_without_dense_features(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {"name": "user", "kind": "categorical", "hash_size": 8})
    pq.write_table(pa.table({"user": [1], "label": [0]}), tmp_path / "x.parquet")
    found = statistics(Source.open(str(tmp_path)), spec)
    assert found.scale_D.mean_D.shape == found.scale_D.std_D.shape == (0,)


def test_checking_imports_neither_torch_nor_pandas(tmp_path: Path) -> None:
    pairs = CHECKED_ROWS  # Rows of which some are taken.
    columns = {
        "label": [0, 1] * pairs,
        "age": [None, 1.5] * pairs,
        "clip": [[1.0, None], None] * pairs,
        "user": [None, 7] * pairs,
        "city": ["a", None] * pairs,
        "tags": [["x"], None] * pairs,
    }
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    spec = {
        "dataset": {"train": str(tmp_path / "data.parquet"), "splits": {}, "group": "user"},
        "features": [
            AGE,
            {"name": "clip", "kind": "dense", "dim": 2},
            {"name": "city", "kind": "categorical", "hash_size": 10},
            {"name": "tags", "kind": "multi_categorical", "hash_size": 10},
        ],
        "training": {"batch_size": 4},
    }
    code = (
        "import json, sys\nfrom trainers.data.checks.check import check\nfrom trainers.spec import parse_spec\n"
        "check(parse_spec(json.loads(sys.argv[1])))\n"
        "heavy = {'torch', 'torchrec', 'fbgemm_gpu', 'pandas'} & set(sys.modules)\nassert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code, json.dumps(spec)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_leak_in_seconds_since_an_epoch_is_found(root: Path) -> None:
    """float32 alone would make all seconds of a minute one number."""
    label = np.arange(200) % 2
    for split in ("train", "validation", "test"):
        write(root, split, age=1_700_000_000 + 20 * label + np.arange(200) % 10, label=label)
    summary = check(spec_of(root, AGE))
    assert summary.single_feature_auc == {"age": 1.0}
    assert any("'age'" in line for line in summary.warnings)


@pytest.mark.parametrize(
    ("column", "hash_size", "distinct", "share", "suggested"),
    [
        (["a", "b", "c", None] * 50, 1, 3, 1.0, 16),
        ([0, 20, 40, 7, None] * 40, 20, 4, 0.75, 16),
        ([0, 1, 2, 3, 4, None, 5, 6] * 25, 4, 7, 6 / 7, 7),
        ([0, 1, 2, 3] * 50, 4, 4, 0.0, None),
        ([-1, 3] * 100, 4, 2, 1.0, 8),
        (pa.array([[0, 20], [], None, [40, 7]] * 50), 20, 4, 0.75, 16),
    ],
)
def test_collisions_by_hand(
    root: Path, column: Any, hash_size: int, distinct: int, share: float, suggested: int | None
) -> None:
    kind = "multi_categorical" if isinstance(column, pa.Array) else "categorical"
    for split in ("train", "validation", "test"):
        write(root, split, x=column, label=np.arange(200) // 2 % 2)
    found = check(spec_of(root, {"name": "x", "kind": kind, "hash_size": hash_size}))
    assert found.collisions == {"x": {"distinct": distinct, "share": share}}
    told = [line for line in found.warnings if "share a row of their table" in line]
    assert len(told) == (suggested is not None)
    if suggested is not None:
        assert f"(hash_size {hash_size}); hash_size {suggested} keeps these apart" in told[0]


def test_collisions_of_all_rows_are_estimated_by_those_at_hand() -> None:
    """2,000 different names of 20,000 rows: about 20,000 in all, of which 1 − e^(−20,000 / 50,000) share a row."""
    feature = CategoricalFeature(name="x", kind="categorical", hash_size=50_000)
    names = pa.array([f"name {number}" for number in range(2_000)])
    whole, sample = count_collisions(feature, names), count_collisions(feature, names, times=10.0)
    assert (whole.share < 0.05, whole.total, whole.hash_size) == (True, 2_000, None)
    assert (sample.distinct, sample.total) == (2_000, 20_000)
    assert sample.share == pytest.approx(0.33, abs=0.001)
    assert sample.hash_size == 2**19, "20,000 / 0.0513, in powers of two"
    repeated = count_collisions(feature, pa.array(["a", "b", "c"] * 9), times=10.0)
    assert repeated.total == 3, "no name occurs once"
    close = count_collisions(feature, pa.array(np.arange(2_000) * 20), times=10.0)
    assert close.share == 0, "integers below the table's size have a row each"
