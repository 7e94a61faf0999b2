"""Sorted files: what is told of columns, weights and labels is told by rows from all over a split."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.checks.check import CHECKED_ROWS, DataSummary, check
from trainers.data.checks.label_shares import LabelCount, label_share_warnings
from trainers.data.checks.usable import check_targets
from trainers.data.source import Source
from trainers.data.splits import SPLITS, SplitName
from trainers.data.spread import _runs, read_spread
from trainers.spec import JobSpec, parse_spec

ROWS = 4 * CHECKED_ROWS
LATE = np.arange(ROWS) >= 2 * CHECKED_ROWS
LABEL = np.random.default_rng(0).integers(0, 2, ROWS)


def written(root: Path, columns: dict[str, Any], *, group_rows: int = 2**14) -> Source:
    pq.write_table(pa.table(columns), root / "x.parquet", row_group_size=group_rows)
    return Source.open(str(root / "x.parquet"))


@pytest.mark.parametrize(
    ("rows", "group_rows", "asked", "read", "groups"),
    [
        (100, 10, 100, list(range(100)), 10),  # no more than asked: all
        (1000, 100, 16, [0, 99, 100, 199, 200, 299, 400, 499, 500, 599, 700, 799, 800, 899, 900, 999], 8),
        (40, 40, 8, [0, 5, 11, 16, 22, 27, 33, 39], 1),
        (1000, 2, 100, None, 50),  # of small groups more than eight are needed
    ],
)
def test_rows_lie_evenly_over_the_groups(
    tmp_path: Path,
    groups_read: list[tuple[str, list[int]]],
    rows: int,
    group_rows: int,
    asked: int,
    read: list[int] | None,
    groups: int,
) -> None:
    source = written(tmp_path, {"number": np.arange(rows)}, group_rows=group_rows)
    groups_read.clear()
    found = np.from_dlpack(read_spread(source, ["number"], asked).column("number").combine_chunks()).tolist()
    assert len({group for _, read_together in groups_read for group in read_together}) == groups
    assert len(found) == asked
    assert found == (sorted(set(found)) if read is None else read)
    assert (found[0], found[-1]) == (0, read[-1] if read else rows - 1)


def test_files_of_several_types_are_read_alike(tmp_path: Path) -> None:
    for at, array in enumerate(
        (pa.array(["a"] * 20), pa.array(["b"] * 20).dictionary_encode(), pa.array(["c"] * 20, pa.string_view()))
    ):
        pq.write_table(pa.table({"city": array}), tmp_path / f"{at}.parquet")
    found = read_spread(Source.open(str(tmp_path)), ["city"], 6)
    assert found.column("city").to_pylist() == [b"a", b"a", b"b", b"b", b"c", b"c"]


def spec_of(root: Path, columns: dict[str, Any], weight: str | None = None) -> JobSpec:
    for split in SPLITS:
        pq.write_table(pa.table(columns), root / f"{split}.parquet", row_group_size=2**14)
    names = [name for name in columns if name not in ("label", weight)]
    return parse_spec(
        {
            "dataset": {**{split: str(root / f"{split}.parquet") for split in SPLITS}, "weight": weight},
            "features": [{"name": name, "kind": "dense"} for name in names],
            "prune": {"guard": {"max_drop": 1.0}},
        }
    )


def warnings_of(found: DataSummary, about: str) -> list[str]:
    return [line for line in found.warnings if about in line]


def test_columns_that_vary_late_are_neither_constant_nor_copies(tmp_path: Path) -> None:
    random = np.random.default_rng(1).normal(size=ROWS)
    columns = {
        "label": LABEL,
        "late": np.where(LATE, random, 3.0),
        "first": random,
        "nearly": np.where(LATE, -random, random),
        "same": random,
        "never": np.full(ROWS, 3.0),
    }
    found = check(spec_of(tmp_path, columns))
    read = f"{found.splits['train'].checked_rows:,} of {ROWS:,} training rows (from all over the files)"
    assert found.splits["train"].checked_rows == CHECKED_ROWS
    told = [line for line in found.warnings if "have the same rows" not in line]  # splits are copies here
    assert [line.partition("; ")[0] for line in told] == [
        f"features with one value in {read}: 'never'",
        f"features equal on {read}: 'first' = 'same'",
    ]


def test_a_head_without_weight_does_not_hide_what_follows(tmp_path: Path) -> None:
    """All of the weight is on the second half, and nearly all of that on one row in a thousand."""
    weight = np.where(LATE, np.where(np.arange(ROWS) % 1000 == 0, 1e9, 1.0), 0.0)
    columns = {"label": LABEL, "w": weight, "number": np.random.default_rng(1).normal(size=ROWS)}
    found = check(spec_of(tmp_path, columns, weight="w"))
    told = warnings_of(found, "dataset.weight: column 'w' lets")
    assert len(told) == 3
    assert "(the largest is 1e+09, their median 1)" in told[0]


def test_a_leak_is_found_in_rows_sorted_by_their_label(tmp_path: Path) -> None:
    label = np.sort(LABEL)
    leak = label + np.random.default_rng(1).normal(scale=0.1, size=ROWS)
    found = check(spec_of(tmp_path, {"label": label, "leak": leak}))
    assert found.splits["train"].base_rate == label.mean()
    assert len(warnings_of(found, "'leak' alone predicts the label with AUC 1.000")) == 1


def counted(positives: int, rows: int, weight: float = 1.0) -> LabelCount:
    """Positives have the weight, others 1."""
    count, label_N = LabelCount(), np.arange(rows) < positives
    count.add(label_N.astype(np.float32), np.where(label_N, weight, 1.0))
    return count


@pytest.mark.parametrize(
    ("train", "other", "words"),
    [
        # √(0.08 · 0.92 · 2 / 10,000) = 0.003837: 0.08 is 20.9 of them.
        (counted(400, 10_000), counted(1200, 10_000), "is 0.12 here and 0.04 in training (z = 21, by 10,000 and"),
        (counted(1200, 10_000), counted(400, 10_000), "is 0.04 here and 0.12 in training (z = 21, "),
        (counted(4, 100), counted(12, 100), None),  # by chance: z = 2.1
        (counted(40_000, 100_000), counted(45_000, 100_000), None),  # odds apart by 1.23, if for certain
        (counted(400, 10_000), counted(1200, 10_000, weight=0.3), None),  # 360 of 9,160
        (counted(400, 10_000, weight=3.5), counted(1200, 10_000), None),  # 1,400 of 11,000
        (counted(400, 10_000), counted(10_000, 10_000), None),  # one class is told elsewhere
    ],
)
def test_shares_of_the_label_that_differ_by_hand(train: LabelCount, other: LabelCount, words: str | None) -> None:
    counts: dict[SplitName, LabelCount] = {"train": train, "validation": train, "test": other}
    found = list(label_share_warnings(counts, {"train": train.rows, "validation": train.rows, "test": other.rows}))
    assert len(found) == (words is not None)
    assert words is None or (found[0].startswith("dataset.test: the share of label 1 ") and words in found[0])


def test_weights_are_named_where_shares_are_of_them() -> None:
    counts: dict[SplitName, LabelCount] = {
        "train": counted(400, 10_000, weight=3.5),
        "validation": counted(400, 10_000),
        "test": counted(1, 9),
    }
    (line,) = label_share_warnings(counts, {"train": 10_000, "validation": 10_000, "test": 9})
    assert line.startswith("dataset.validation: the share of label 1, by weight, is 0.04 here and 0.127 in training")


def test_check_tells_both_shares(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {"label": np.arange(5000) % 25 == 0, "number": np.random.default_rng(0).normal(size=5000)})
    more: dict[str, Any] = {"label": np.arange(5000) % 25 < 3, "number": np.random.default_rng(1).normal(size=5000)}
    pq.write_table(pa.table(more), tmp_path / "validation.parquet")
    (line,) = warnings_of(check(spec), "share of label 1")
    assert line.startswith("dataset.validation: the share of label 1 is 0.12 here and 0.04 in training")


def test_parts_of_a_sorted_split_say_less_than_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of 100 parts, by the golden ratio: six or seven of one label, the others of the other. The spread between
    parts leaves 9 of 1,000 rows: p (1 − p) / (s² / 10), and s² = p (1 − p) · 10 / 9."""
    monkeypatch.setattr("trainers.data.checks.usable.READ_ROWS", 100)
    monkeypatch.setattr("trainers.data.checks.usable.ENOUGH_ROWS", 1000)
    source = written(tmp_path, {"label": np.arange(10_000) >= 4000, "number": np.arange(10_000.0)}, group_rows=500)
    spec = spec_of(tmp_path, {"label": LABEL[:100], "number": LABEL[:100]})
    count = check_targets(spec, source, "train")
    assert count.rows == 1000
    assert 0.5 <= count.share <= 0.7
    assert count.effective(10_000) == pytest.approx(9)
    assert count.effective(1000) == pytest.approx(1000)


def test_small_row_groups_leave_their_share_to_large_ones() -> None:
    """50 groups of 10 rows, one of a million, 50 of 10: nearly all rows come from the large one."""
    sizes = [10] * 50 + [1_000_000] + [10] * 50
    ends = np.cumsum(sizes).tolist()
    found = list(_runs([(end - size, end) for size, end in zip(sizes, ends, strict=True)], 65_536))
    assert sum(stop - start for start, stop in found) == 65_536
    assert found[0][0] == 0
    assert found[-1][1] == ends[-1]
    assert all(before[1] <= after[0] for before, after in pairwise(found))
