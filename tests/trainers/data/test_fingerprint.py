"""What tells whether data are those that a run began with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.data.fingerprint import Fingerprint, describe_changes, fingerprint
from trainers.data.source import open_splits
from trainers.spec import DatasetSpec


def write(
    root: Path,
    split: str,
    rows: int = 64,
    *,
    flip: bool = False,
    name: str = "a",
    x: np.ndarray | None = None,
    **options: str,
) -> None:
    (root / split).mkdir(exist_ok=True)
    columns = {"x": np.arange(rows) if x is None else x, "label": (np.arange(rows) + flip) % 2}
    pq.write_table(pa.table(columns), root / split / f"{name}.parquet", **options)


def found(root: Path) -> Fingerprint:
    splits = {split: str(root / split) for split in ("train", "validation", "test")}
    dataset = DatasetSpec(**splits)  # type: ignore[arg-type]
    return fingerprint(open_splits(dataset, ["x", "label"]), dataset, ["x"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "validation", "test"):
        write(tmp_path, split)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: write(root, "train"), None),
        (lambda root: (root / "train" / "a.parquet").touch(), None),
        (
            lambda root: write(root, "train", 80),
            "dataset.train had 64 rows and has 80 now (changed: a.parquet). Put the data",
        ),
        (lambda root: write(root, "test", name="b"), "dataset.test had 64 rows and has 128 now (new: b.parquet)"),
        (lambda root: write(root, "train", flip=True), "dataset.train: its labels or weights are others"),
        (lambda root: write(root, "validation", flip=True), "dataset.validation: its labels or weights are others"),
        (lambda root: write(root, "train", compression="none"), "its files were written anew (changed: a.parquet)"),
        (lambda root: (root / "test/a.parquet").rename(root / "test/c.parquet"), "(new: c.parquet; gone: a.parquet)"),
    ],
)
def test_changes_are_named(root: Path, change: Callable[[Path], None], words: str | None) -> None:
    before = found(root)
    change(root)
    changes = describe_changes(before, found(root))
    assert (changes is None) is (words is None)
    if words is not None:
        assert words in (changes or "")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.roll(np.arange(2000), 1), "dataset.train: its features' values are others"),
        (np.r_[np.arange(1999), 5000], "dataset.train: its files were written anew, with other statistics"),
    ],
)
def test_features_that_were_written_anew_in_place_are_named(root: Path, x: np.ndarray, words: str) -> None:
    """As many rows, and as many bytes; the labels stay."""
    write(root, "train", 2000, compression="none")
    before = found(root)
    write(root, "train", 2000, x=x, compression="none")
    assert words in (describe_changes(before, found(root)) or "")


def test_many_changed_files_are_counted_and_lie_in_folders(root: Path) -> None:
    before = found(root)
    (root / "train" / "day=1").mkdir()
    for at in range(7):
        write(root, "train", name=f"day=1/{at}")
    assert "(new: day=1/0.parquet, day=1/1.parquet, day=1/2.parquet, day=1/3.parquet, day=1/4.parquet and 2 more)" in (
        describe_changes(before, found(root)) or ""
    )


def test_what_an_older_fingerprint_lacks_is_not_compared(root: Path) -> None:
    now = found(root)
    before = {split: {key: each[key] for key in ("rows", "files", "labels")} for split, each in now.items()}
    assert describe_changes(before, now) is None
