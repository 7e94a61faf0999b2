"""Batches: what is in them, that every row comes once, and that any step can be returned to."""

import gc
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from trainers.data.collate import collate
from trainers.data.decode import Decoder
from trainers.data.loader import Loader
from trainers.data.prefetch import prefetch
from trainers.data.rows import Rows
from trainers.data.sampler import BatchSampler
from trainers.data.source import Source
from trainers.models.batch import Batch
from trainers.spec import JobSpec, SpecError, parse_spec

SPEC = parse_spec(
    {
        "dataset": {"train": "x", "splits": {}, "group": "number", "weight": "w"},
        "features": [
            {"name": "tags", "kind": "multi_categorical", "hash_size": 1000},
            {"name": "number", "kind": "dense"},
            {"name": "user", "kind": "categorical", "hash_size": 1000},
            {"name": "words", "kind": "multi_categorical", "hash_size": 1000},
            {"name": "item", "kind": "categorical", "hash_size": 1000},
        ],
    }
)
DENSE_ONLY = parse_spec(
    {"dataset": {"train": "x", "splits": {}}, "features": [{"name": "number", "kind": "dense"}]},
)


def table(rows: int) -> pa.Table:
    n = np.arange(rows)
    return pa.table(
        {
            "number": n,
            "user": n % 700,
            "item": n * 3 % 1000,
            "tags": pa.array([[i % 1000] * (i % 3) for i in n.tolist()], pa.list_(pa.int64())),
            "words": pa.array([list(range(i % 4)) for i in n.tolist()], pa.list_(pa.int64())),
            "label": n % 2,
            "w": 1.0 + n,
        }
    )


def loader(root: Path, rows: int, spec: JobSpec = SPEC, **options: int | None) -> Loader:
    path = root / f"{rows}.parquet"
    if not path.exists():
        pq.write_table(table(rows), path, row_group_size=13)
    return Loader(Source.open(str(path)), Decoder(spec), **options)  # type: ignore[arg-type]


def numbers(batch: Batch) -> list[int]:
    return [int(value) for value in batch.dense_BD[:, 0]]


def assert_same(one: Batch, other: Batch) -> None:
    assert torch.equal(one.dense_BD, other.dense_BD)
    assert torch.equal(one.label_B, other.label_B)
    assert torch.equal(one.group_B, other.group_B)
    assert torch.equal(one.weight_B, other.weight_B)
    assert one.sparse.keys() == other.sparse.keys()
    assert torch.equal(one.sparse.values(), other.sparse.values())
    assert torch.equal(one.sparse.lengths(), other.sparse.lengths())


def assert_row_by_row(batch: Batch) -> None:
    """Every tensor of the batch against the definition in `table`."""
    rows = numbers(batch)
    assert batch.group_B.tolist() == rows
    assert batch.weight_B.tolist() == [1.0 + i for i in rows]
    assert batch.label_B.tolist() == [i % 2 for i in rows]
    assert batch.sparse.keys() == ["user", "item", "tags", "words"]
    expected = {
        "user": [[i % 700] for i in rows],
        "item": [[i * 3 % 1000] for i in rows],
        "tags": [[i % 1000] * (i % 3) for i in rows],
        "words": [list(range(i % 4)) for i in rows],
    }
    for key, jagged in batch.sparse.to_dict().items():
        assert [bag.tolist() for bag in jagged.to_dense()] == expected[key], key


def assert_consistent(batch: Batch) -> None:
    """What was handed to TorchRec is what it would have derived itself."""
    given = batch.sparse
    derived = type(given)(given.keys(), given.values(), lengths=given.lengths())
    assert given.offsets().tolist() == derived.offsets().tolist()
    assert given.length_per_key() == derived.length_per_key()
    assert given.offset_per_key() == derived.offset_per_key()
    assert given.stride() == derived.stride() == len(batch)


@pytest.mark.parametrize("shuffle_rows", [None, 8, 40, 1000])
def test_batches_hold_their_rows(tmp_path: Path, shuffle_rows: int | None) -> None:
    for batch in loader(tmp_path, 101, batch_size=8, shuffle_rows=shuffle_rows).epoch():
        assert_row_by_row(batch)
        assert_consistent(batch)


@pytest.mark.parametrize("lists", [[], ["tags"], ["tags", "words"]])
@pytest.mark.parametrize("single", [[], ["user"], ["user", "item"]])
def test_any_mix_of_sparse_features(tmp_path: Path, single: list[str], lists: list[str]) -> None:
    kept = [f for f in SPEC.features if f.name in {*single, *lists, "number"}]
    spec = SPEC.model_copy(update={"features": tuple(kept)})
    for batch in loader(tmp_path, 21, spec, batch_size=4, shuffle_rows=10).epoch():
        assert batch.sparse.keys() == [*single, *lists]
        for key in single:
            factor, size = {"user": (1, 700), "item": (3, 1000)}[key]
            assert batch.sparse[key].values().tolist() == [i * factor % size for i in numbers(batch)]
        for key in lists:
            assert batch.sparse[key].lengths().tolist() == [i % {"tags": 3, "words": 4}[key] for i in numbers(batch)]
        if single or lists:
            assert_consistent(batch)


def test_without_sparse_features_the_jagged_tensor_is_empty_and_valid(tmp_path: Path) -> None:
    batch = next(loader(tmp_path, 20, DENSE_ONLY, batch_size=4).epoch())
    assert batch.sparse.keys() == []
    assert batch.sparse.to_dict() == {}
    assert batch.sparse.values().numel() == batch.sparse.lengths().numel() == 0
    assert len(batch.to(torch.device("cpu"))) == 4


def test_without_dense_features_the_dense_part_has_no_columns(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"features": SPEC.features[2:3]})
    assert next(loader(tmp_path, 20, spec, batch_size=4).epoch()).dense_BD.shape == (4, 0)


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("shuffle_rows", [None, 16, 10_000])
@pytest.mark.parametrize("rows", [6, 24, 25, 26, 97, 98, 99, 100, 101])
def test_every_row_once_per_epoch_on_any_number_of_ranks(
    tmp_path: Path, rows: int, shuffle_rows: int | None, world: int
) -> None:
    ranks = [
        loader(tmp_path, rows, DENSE_ONLY, batch_size=8, rank=rank, world=world, shuffle_rows=shuffle_rows)
        for rank in range(world)
    ]
    assert len({rank.steps_per_epoch for rank in ranks}) == 1
    for epoch in (0, 1):
        batches = [list(rank.epoch(epoch)) for rank in ranks]
        assert {len(part) for part in batches} == {ranks[0].steps_per_epoch}
        assert Counter(n for part in batches for batch in part for n in numbers(batch)) == Counter(range(rows))
        assert all(2 <= len(batch) <= 10 for part in batches for batch in part)
        counts = [sum(len(batch) for batch in part) for part in batches]
        assert max(counts) - min(counts) <= 1


def test_batches_are_full_but_for_one_and_ranks_meet_it_together() -> None:
    ranks = [BatchSampler(rows=211, batch_size=8, rank=rank, world=2, shuffle_rows=16) for rank in range(2)]
    lengths = []
    for rank in ranks:
        taken = [
            rank.batch_rows(window.index, b) for window in rank.visits(0, 14) for b in range(window.begin, window.end)
        ]
        lengths.append([stop - start for start, stop in taken])
    odd = [[i for i, length in enumerate(part) if length != 8] for part in lengths]
    assert rank.steps_per_epoch == 13
    assert len(odd[1]) >= 1
    assert set(odd[0]) <= set(odd[1])
    assert sum(lengths[0][:13]) == 105
    assert sum(lengths[1][:13]) == 106


def test_a_tail_of_one_row_joins_the_batch_before_it(tmp_path: Path) -> None:
    assert [len(batch) for batch in loader(tmp_path, 17, batch_size=8).epoch()] == [8, 9]
    assert [len(batch) for batch in loader(tmp_path, 18, batch_size=8).epoch()] == [8, 8, 2]
    assert [len(batch) for batch in loader(tmp_path, 3, batch_size=8).epoch()] == [3]


def test_file_order_without_shuffling(tmp_path: Path) -> None:
    found = [n for batch in loader(tmp_path, 50, batch_size=8).epoch(3) for n in numbers(batch)]
    assert found == list(range(50))


@pytest.mark.parametrize("shuffle_rows", [None, 8, 24, 1000])
def test_any_step_can_be_returned_to(tmp_path: Path, shuffle_rows: int | None) -> None:
    options = {"batch_size": 8, "rank": 1, "world": 2, "seed": 5, "shuffle_rows": shuffle_rows}
    whole = list(loader(tmp_path, 150, **options).batches(0, 30))
    assert len(whole) == 30
    assert loader(tmp_path, 150, **options).steps_per_epoch == 10
    for start in range(30):
        for offset, batch in enumerate(loader(tmp_path, 150, **options).batches(start, min(start + 12, 30))):
            assert_same(batch, whole[start + offset])


def test_orders_differ_between_epochs_windows_and_seeds(tmp_path: Path) -> None:
    def order(epoch: int, seed: int) -> list[int]:
        shuffled = loader(tmp_path, 96, DENSE_ONLY, batch_size=8, shuffle_rows=24, seed=seed)
        return [n for batch in shuffled.epoch(epoch) for n in numbers(batch)]

    first = order(0, 0)
    assert first == order(0, 0)
    assert first != order(1, 0)
    assert first != order(0, 1)
    assert first != order(0, -1)
    windows = [[n % 24 for n in first[start : start + 24]] for start in range(0, 96, 24)]
    assert len({tuple(window) for window in windows}) == 4
    assert {first[start] // 24 for start in range(0, 96, 24)} == {0, 1, 2, 3}
    assert any([order(epoch, 0)[start] // 24 for start in range(0, 96, 24)] != [0, 1, 2, 3] for epoch in range(3))


def test_windows_before_the_start_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []
    original = Source.read

    def recorded(self: Source, columns: list[str], start: int, stop: int) -> pa.Table:
        read.append((start, stop))
        return original(self, columns, start, stop)

    monkeypatch.setattr(Source, "read", recorded)
    shuffled = loader(tmp_path, 96, batch_size=8, shuffle_rows=24)
    list(shuffled.batches(7, 12))
    assert len(read) == 2
    assert all(stop - start == 24 for start, stop in read)


def test_rows_of_one_window_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    original = Decoder.decode

    def recorded(self: Decoder, part: pa.Table) -> Rows:
        decoded.append(part.num_rows)
        return original(self, part)

    monkeypatch.setattr(Decoder, "decode", recorded)
    list(loader(tmp_path, 40, batch_size=8, shuffle_rows=40).batches(0, 15))
    assert decoded == [40]
    list(loader(tmp_path, 40, batch_size=8, shuffle_rows=24).batches(0, 15))
    assert sorted(decoded) == [16, 16, 16, 24, 24, 24, 40]


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="has no rows"):
        loader(tmp_path, 0, batch_size=2)
    with pytest.raises(SpecError, match="3 rows for 2 workers; a worker needs at least 2"):
        loader(tmp_path, 3, batch_size=2, world=2)
    assert loader(tmp_path, 4, batch_size=8, world=2).steps_per_epoch == 1


def test_a_missing_column_is_found_at_once(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"features": (SPEC.features[0].model_copy(update={"column": "tagz"}),)})
    with pytest.raises(SpecError, match=r"'tagz' is missing .* 'tags'"):
        loader(tmp_path, 20, spec, batch_size=4)


def test_errors_of_the_data_reach_the_consumer(tmp_path: Path) -> None:
    pq.write_table(table(100).set_column(5, "label", [list(range(100))]), tmp_path / "bad.parquet")
    broken = Loader(Source.open(str(tmp_path / "bad.parquet")), Decoder(SPEC), batch_size=8)
    with pytest.raises(SpecError, match="a label is 0 or 1"):
        next(prefetch(broken.epoch(), 2))


def test_rows_slice_select_and_concat() -> None:
    rows = Decoder(SPEC).decode(table(30))
    index = np.array([29, 3, 3, 0, 11])
    assert_row_by_row(collate(rows.select(index), 0, 5))
    assert numbers(collate(rows.select(index), 0, 5)) == index.tolist()
    assert_row_by_row(collate(rows.slice(7, 20), 2, 9))
    joined = Rows.concat([rows.slice(20, 30), rows.slice(0, 3), rows.slice(5, 5)])
    assert len(joined) == 13
    assert numbers(collate(joined, 0, 13)) == [*range(20, 30), 0, 1, 2]
    assert_row_by_row(collate(joined, 0, 13))
    assert len(rows.select(np.empty(0, np.int64))) == 0


def threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


def test_prefetch_gives_every_item_in_order_and_runs_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            made.append(item)
            yield item

    ahead = prefetch(items(), depth=3)
    assert next(ahead) == 0
    deadline = time.monotonic() + 5
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0, 1, 2, 3, 4]
    assert list(ahead) == list(range(1, 10))
    assert threads() == 0


def test_prefetch_raises_after_the_items_before_the_error() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk gone")

    ahead = prefetch(items(), depth=4)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(ahead)
    assert threads() == 0


def test_closing_or_dropping_the_consumer_ends_the_threads(tmp_path: Path) -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = prefetch(endless(), depth=2)
    next(ahead)
    assert threads() == 1
    ahead.close()
    assert closed.is_set()
    assert threads() == 0
    dropped = prefetch(loader(tmp_path, 96, batch_size=8, shuffle_rows=24).batches(0, 10**9), depth=2)
    next(dropped)
    assert threads() == 2
    del dropped
    gc.collect()
    assert threads() == 0


def test_a_depth_of_zero_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="depth is 0"):
        prefetch(iter([1]), 0)
