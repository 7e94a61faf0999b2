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
        (lambda root: write(root, "train", 80), "dataset.train had 64 rows and has 80 now. Put the data of the start"),
        (lambda root: write(root, "test", name="b"), "dataset.test had 64 rows and has 128 now"),
        (lambda root: write(root, "train", flip=True), "dataset.train: its labels or weights are others"),
        (lambda root: write(root, "validation", flip=True), "dataset.validation: its labels or weights are others"),
        (lambda root: write(root, "train", compression="none"), "dataset.train: its files were written anew"),
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


def test_what_an_older_fingerprint_lacks_is_not_compared(root: Path) -> None:
    now = found(root)
    before = {split: {key: each[key] for key in ("rows", "files", "labels")} for split, each in now.items()}
    assert describe_changes(before, now) is None
