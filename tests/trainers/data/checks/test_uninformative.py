"""What the rows can't tell: features of one value and copies, rows in the order of the label, rows too few."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.checks.check import check
from trainers.metrics.expected_error import auc_error
from trainers.spec import JobSpec, SpecError, parse_spec

ROWS = 3000
RANDOM = np.random.default_rng(0)
LABEL = RANDOM.integers(0, 2, ROWS)
NUMBER, ID = RANDOM.normal(size=ROWS), RANDOM.integers(0, 50, ROWS)
DENSE: dict[str, Any] = {"kind": "dense"}
SINGLE: dict[str, Any] = {"kind": "categorical", "hash_size": 1000}
LISTS: dict[str, Any] = {"kind": "multi_categorical", "hash_size": 1000}


def write(root: Path, columns: dict[str, Any], group_rows: int | None = None) -> None:
    for split in ("train", "validation", "test"):
        # Without the mark the splits' files would be copies.
        table = pa.table({"label": LABEL, **columns}).replace_schema_metadata({"split": split})
        pq.write_table(table, root / f"{split}.parquet", row_group_size=group_rows or ROWS)


def spec_of(
    root: Path, features: dict[str, dict[str, Any]], dataset: dict[str, Any] | None = None, **more: Any
) -> JobSpec:
    files = {split: str(root / f"{split}.parquet") for split in ("train", "validation", "test")}
    return parse_spec(
        {
            "dataset": {**files, **(dataset or {})},
            "features": [{"name": name, **feature} for name, feature in features.items()],
            "training": {"batch_size": 4},
            "prune": {"guard": {"max_drop": 1.0}},
            **more,
        }
    )


def test_features_of_one_value_are_told_by_kind(tmp_path: Path) -> None:
    empty = pa.array([[]] * ROWS, pa.list_(pa.int64()))
    columns = {
        "number": NUMBER,
        "id": ID,
        "null": pa.nulls(ROWS, pa.float64()),
        "nothing": pa.nulls(ROWS),
        "nan": np.full(ROWS, np.nan),
        "zero": np.zeros(ROWS),
        "none": pa.nulls(ROWS, pa.string()),
        "empty": empty,
        "three": np.full(ROWS, 3.0),
        "vector": [[1.0, 2.0]] * ROWS,
        "city": ["a"] * ROWS,
    }
    write(tmp_path, columns)
    kinds = dict.fromkeys(("number", "null", "nothing", "nan", "zero", "three"), DENSE)
    kinds |= {"vector": {**DENSE, "dim": 2}, "empty": LISTS} | dict.fromkeys(("id", "none", "city"), SINGLE)
    found = check(spec_of(tmp_path, kinds, {"non_finite": "replace"})).warnings
    assert [line.partition("; ")[0] for line in found] == [
        "features null, empty or at their default in all 3,000 training rows: "
        "'null', 'nothing', 'nan', 'zero', 'none' and 1 more",
        "features with one value in all 3,000 training rows: 'three', 'vector', 'city'",
    ]


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (pa.nulls(ROWS, pa.int64()), "column 'g' is null in all 3,000 "),
        (np.full(ROWS, 8), "column 'g' has one value in all"),
        (["a"] * ROWS, "column 'g' has one value in all"),
        (ID, None),
    ],
)
def test_a_group_that_is_one_is_told(tmp_path: Path, group: Any, words: str | None) -> None:
    write(tmp_path, {"number": NUMBER, "g": group})
    found = check(spec_of(tmp_path, {"number": DENSE}, {"group": "g"})).warnings
    assert len(found) == (0 if words is None else 3)
    assert words is None or all(line.startswith("dataset.group: ") and words in line for line in found)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (np.arange(ROWS) % 2, ["column 'g' makes groups of all 3,000 rows of test that say as much as 2 of one size"]),
        # (2,700 + 300)² / (2,700² + 300) groups.
        (np.where(np.arange(ROWS) < 2700, 0, np.arange(ROWS)), ["as much as 1.23 of one size (the largest has 90%"]),
        (pa.array(np.arange(ROWS), mask=np.arange(ROWS) < 2700), ["column 'g' is null in 90.00% of all 3,000 rows of"]),
        (
            pa.array(np.arange(ROWS) % 2, mask=np.arange(ROWS) < 4),
            ["is null in 0.13% of", "as much as 2.01 of one size"],
        ),
        (np.arange(ROWS) % 31, []),
    ],
)
def test_groups_that_are_missing_or_few_are_told_of_the_test_rows(tmp_path: Path, group: Any, words: list[str]) -> None:
    write(tmp_path, {"number": NUMBER, "g": group})
    found = check(spec_of(tmp_path, {"number": DENSE}, {"group": "g"})).warnings
    assert len(found) == len(words), found
    assert all(line.startswith("dataset.group: ") and part in line for line, part in zip(found, words, strict=True))


def test_rows_without_a_group_are_no_group_for_gauc(tmp_path: Path) -> None:
    """They have both labels, and no value of the column has."""
    group = pa.array(np.arange(ROWS), mask=np.arange(ROWS) < ROWS // 2)
    write(tmp_path, {"number": NUMBER, "g": group})
    spec = spec_of(tmp_path, {"number": DENSE}, {"group": "g"}, prune={"guard": {"metric": "gauc"}})
    with pytest.raises(SpecError, match="gauc has no group to be measured on"):
        check(spec)


def test_copies_are_told_and_what_is_nearly_one_is_not(tmp_path: Path) -> None:
    nearly, lists = NUMBER.copy(), pa.array([[int(each)] for each in ID])
    nearly[-1] += 1
    with_null = pa.array([None if each == 0 else int(each) for each in ID])
    columns = {
        "price": NUMBER,
        "price_copy": NUMBER,
        "nearly": nearly,
        "id": ID,
        "id_copy": ID.astype(np.int16),
        "with_null": with_null,
        "text": [str(each) for each in ID],
        "text_copy": pa.array([str(each) for each in ID]).dictionary_encode(),
        "tags": lists,
        "tags_copy": lists,
        "zero": np.zeros(ROWS),
        "zeros": np.zeros(ROWS),
    }
    write(tmp_path, columns)
    kinds: dict[str, dict[str, Any]] = dict.fromkeys(columns, SINGLE)
    kinds |= dict.fromkeys(("price", "price_copy", "nearly", "zero", "zeros"), DENSE)
    kinds |= {"tags": LISTS, "tags_copy": LISTS, "id_copy": {**SINGLE, "hash_size": 2000}}
    (line,) = [line for line in check(spec_of(tmp_path, kinds)).warnings if line.startswith("features equal")]
    assert line.startswith(
        "features equal on all 3,000 training rows: 'price' = 'price_copy', 'id' = 'id_copy', "
        "'text' = 'text_copy', 'tags' = 'tags_copy'; "
    )


def test_essential_copies_are_told_apart_from_others(tmp_path: Path) -> None:
    write(tmp_path, {"price": NUMBER, "again": NUMBER, "once_more": NUMBER, "id": ID, "id_copy": ID})
    kinds = {"price": DENSE, "again": DENSE, "once_more": DENSE, "id": SINGLE, "id_copy": SINGLE}
    found = check(spec_of(tmp_path, kinds, essential=["price", "again", "id"])).warnings
    (line,) = [line for line in found if line.startswith("essential")]
    assert line.startswith("essential: 'price' = 'again', equal on all 3,000 training rows: all of them")


@pytest.mark.parametrize(
    ("label", "more", "words"),
    [
        (np.sort(LABEL), {"training": {"shuffle_rows": 1000, "batch_size": 4}}, "from 0.0% in the first third of the"),
        (np.sort(LABEL), {"scaling": {"workers": 2}}, "2 workers read ranges of their own"),
        (np.sort(LABEL)[::-1], {"scaling": {"workers": 2}}, "from 100.0% in"),
        ((np.arange(ROWS) / ROWS > RANDOM.random(ROWS)) + 0, {"scaling": {"workers": 2}}, "the share of label 1 goes"),
        (np.sort(LABEL), {}, None),  # one worker shuffles them all together
        (LABEL, {"scaling": {"workers": 2}}, None),
        # From 40% to 60%: a tenth of a standard deviation or two, and no harm.
        ((RANDOM.random(ROWS) < np.linspace(0.4, 0.6, ROWS)) + 0, {"scaling": {"workers": 2}}, None),
    ],
)  # fmt: skip
def test_rows_in_the_order_of_the_label_are_told(
    tmp_path: Path, label: Any, more: dict[str, Any], words: str | None
) -> None:
    write(tmp_path, {"number": NUMBER, "label": label}, group_rows=500)
    found = [line for line in check(spec_of(tmp_path, {"number": DENSE}, **more)).warnings if "by tenths" in line]
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_a_test_split_too_small_for_the_guard(tmp_path: Path) -> None:
    """1.96 · √0.1 · 0.0091 with 1,500 rows of either class: 0.0055; (2.802 · 2.8 / 0.5)² · 3,000 rows for 0.0005.

    A drop of ten times what is allowed can't be told where that is under 0.00055."""
    write(tmp_path, {"number": NUMBER})
    positives = int(LABEL.sum())
    error = auc_error(0.75, positives, ROWS - positives) * 0.1**0.5

    def told(**guard: Any) -> list[str]:
        spec = spec_of(tmp_path, {"number": DENSE}, {"group": None}, prune={"guard": guard})
        return [line for line in check(spec).warnings if line.startswith("prune.guard.max_drop: ")]

    (line,) = told(max_drop=0.0005)
    assert f"3,000 test rows, {positives:,} of them of label 1, tell AUCs apart by about {1.96 * error:.2g}, " in line
    assert "about 740,000 test rows tell a drop of 0.0005 itself: take more" in line
    assert told() == []
    assert told(max_drop=0.197 * error) == []
    assert len(told(max_drop=0.195 * error)) == 1
    assert "asks for a list that is better for certain" in told(max_drop=0.0)[0]
    assert told(metric="logloss") == []


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (np.arange(6) % 2, "6 rows, about 3 of them of the rarer label, decide when the models' training ends"),
        (np.arange(98) % 2, "98 rows, about 49 of them"),
        ((np.arange(3000) < 2990) + 0, "3,000 rows, about 10 of them"),
        (np.arange(100) % 2, None),
    ],
)
def test_a_validation_split_too_small_to_end_a_training_by(tmp_path: Path, label: Any, words: str | None) -> None:
    write(tmp_path, {"number": NUMBER})
    few = pa.table({"label": label, "number": NUMBER[: len(label)]})
    pq.write_table(few, tmp_path / "validation.parquet")
    found = check(spec_of(tmp_path, {"number": DENSE})).warnings
    told = [line for line in found if line.startswith("dataset.validation: ") and "of the rarer label" in line]
    assert len(told) == (words is not None), found
    assert words is None or words in told[0]


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ({"name": "mutual_information", "sample_rows": 2}, "selector.sample_rows: scores of mutual_information are "
         "measured on 2 rows of train, about 1 of them of the rarer label, and a row is compared with its 3 nearest"),
        ({"name": "mutual_information", "neighbors": 5000}, "its 5000 nearest of the same label: they would be "
         "chance, or all 0; measure more rows, or lower selector.neighbors to at most 14"),
        ({"name": "permutation", "rows": 10}, "selector.rows: scores of permutation are measured on 10 rows of val"),
        ({"name": "mutual_information"}, None),
        ({"name": "permutation"}, None),
        ({"name": "leap"}, None),
    ],
)  # fmt: skip
def test_a_sample_too_small_to_score_by(tmp_path: Path, selector: dict[str, Any], words: str | None) -> None:
    write(tmp_path, {"number": NUMBER})
    spec = spec_of(tmp_path, {"number": DENSE}, selector=selector, prune={"rule": "top_k", "top_k": 1})
    found = [line for line in check(spec).warnings if line.startswith("selector.")]
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
