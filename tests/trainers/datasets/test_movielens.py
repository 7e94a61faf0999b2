"""MovieLens preparation, on a few hand-written lines in GroupLens' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.datasets.movielens import FIELDS, prepare_1m, prepare_100k
from trainers.spec import SpecError, load_spec

SPLITS = ("train", "validation", "test")
USERS, MOVIES, TIME = 5, 6, 881250900


def ratings(separator: str) -> str:
    """Users 1–5 rate movies 1–6; the rating is 1 + (user + movie) mod 5, the time counts up."""
    pairs = [(user, movie) for user in range(1, USERS + 1) for movie in range(1, MOVIES + 1)]
    rows = [(u, m, 1 + (u + m) % 5, TIME + at) for at, (u, m) in enumerate(pairs)]
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


@pytest.fixture
def source_100k(tmp_path: Path) -> Path:
    source = tmp_path / "ml-100k"
    source.mkdir()
    (source / "u.data").write_text(ratings("\t"))
    (source / "u.user").write_text("".join(f"{u}|{20 + u}|{'MF'[u % 2]}|writer{u}|0610{u}\n" for u in range(1, 6)))
    (source / "u.genre").write_text("unknown|0\nAction|1\nComedy|2\n\n")
    # Not in the order of their ids, and one title isn't ASCII.
    titles = {m: "Misérables, Les" if m == 3 else f"Film {m}" for m in (3, 1, 2, 6, 5, 4)}
    items = [f"{m}|{title} (1995)|01-Jan-1995||url|0|1|{m % 2}" for m, title in titles.items()]
    (source / "u.item").write_text("\n".join(items) + "\n", encoding="latin-1")
    return source


@pytest.fixture
def source_1m(tmp_path: Path) -> Path:
    source = tmp_path / "ml-1m"
    source.mkdir()
    (source / "ratings.dat").write_text(ratings("::"))
    (source / "users.dat").write_text("".join(f"{u}::{'MF'[u % 2]}::{20 + u}::{u}::0610{u}\n" for u in range(1, 6)))
    (source / "movies.dat").write_text("".join(f"{m}::Film: Part {m} (1995)::Action|Comedy\n" for m in range(1, 7)))
    return source


def rows_of(spec: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(spec.parent / f"{split}.parquet") for split in SPLITS]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows


def check_rows(rows: list[dict[str, Any]]) -> None:
    assert len({(row["user_id"], row["movie_id"]) for row in rows}) == len(rows) == USERS * MOVIES
    for row in rows:
        user, movie = row["user_id"], row["movie_id"]
        assert row["label"] == int(1 + (user + movie) % 5 > 3)
        assert (row["age"], row["gender"], row["zip"]) == (20 + user, "MF"[user % 2], f"0610{user}")


def test_100k_joins_users_movies_and_genres(source_100k: Path, tmp_path: Path) -> None:
    rows = rows_of(prepare_100k(source_100k, tmp_path / "out"))
    check_rows(rows)
    for row in rows:
        movie = row["movie_id"]
        assert row["title"] == ("Misérables, Les (1995)" if movie == 3 else f"Film {movie} (1995)")
        assert row["genres"] == ("Action|Comedy" if movie % 2 else "Action")
        assert row["occupation"] == f"writer{row['user_id']}"
        assert row["timestamp"] == TIME + (row["user_id"] - 1) * MOVIES + movie - 1


def test_100k_spec_has_the_published_set_up(source_100k: Path, tmp_path: Path) -> None:
    spec = load_spec(prepare_100k(source_100k, tmp_path / "out"))
    assert tuple(spec.dims) == FIELDS
    assert set(spec.dims.values()) == {8}
    assert {feature.kind for feature in spec.features} == {"categorical"}
    assert (spec.model.backbone, spec.selector.update) == ("wide_deep", "bilevel")
    assert (spec.prune.rule, spec.prune.top_k) == ("top_k", 4)
    assert (spec.training.batch_size, spec.dataset.group, spec.dataset.label) == (256, "user_id", "label")
    assert Path(str(spec.dataset.validation)) == tmp_path / "out" / "validation.parquet"


def test_ids_fit_their_tables(source_100k: Path, tmp_path: Path) -> None:
    path = prepare_100k(source_100k, tmp_path / "out")
    rows = rows_of(path)
    features = {feature.name: feature for feature in load_spec(path).features}
    assert features["user_id"].model_dump()["hash_size"] == USERS + 1
    assert features["timestamp"].model_dump()["ids"] == "hashed"
    assert features["gender"].model_dump()["hash_size"] >= 1000
    for name, feature in features.items():
        if feature.model_dump()["ids"] == "checked":
            assert all(0 <= row[name] < feature.model_dump()["hash_size"] for row in rows)


def test_rows_are_shuffled_by_the_seed_and_split_in_tenths(source_100k: Path, tmp_path: Path) -> None:
    paths = [prepare_100k(source_100k, tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    sizes = [pq.read_metadata(paths[0].parent / f"{split}.parquet").num_rows for split in SPLITS]
    assert sizes == [24, 3, 3]
    a, b, c = (rows_of(path) for path in paths)
    assert a == b
    assert a != c
    times = [row["timestamp"] for row in a]
    assert times != sorted(times)


def test_1m_reads_titles_with_colons_and_leaves_timestamp_out(source_1m: Path, tmp_path: Path) -> None:
    path = prepare_1m(source_1m, tmp_path / "out")
    rows = rows_of(path)
    check_rows(rows)
    assert all(row["title"] == f"Film: Part {row['movie_id']} (1995)" for row in rows)
    assert all(row["occupation"] == row["user_id"] for row in rows)
    spec = load_spec(path)
    assert tuple(spec.dims) == tuple(field for field in FIELDS if field != "timestamp")
    assert spec.training.batch_size == 1024
    assert "timestamp" in load_spec(prepare_1m(source_1m, tmp_path / "with", timestamp_rows=True)).dims


def prepared(folder: Path) -> Path:
    """Splits of 8, 4 and 4 rows, of which the odd ones have no timestamp."""
    folder.mkdir()
    first = 0
    for split, size in zip(SPLITS, (8, 4, 4), strict=True):
        ids = np.arange(first, first + size)
        columns: dict[str, Any] = {name: pa.array(ids) for name in ("user_id", "movie_id", "age", "occupation")}
        columns |= {name: pa.array([f"{name} {i}" for i in ids]) for name in ("title", "genres", "gender", "zip")}
        columns["timestamp"] = pa.array([None if i % 2 else TIME + i for i in ids.tolist()], pa.int64())
        columns["label"] = pa.array(ids % 3 == 0).cast(pa.int64())
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
        first += size
    return folder


def test_prepared_splits_stay_as_they_are(tmp_path: Path) -> None:
    path = prepare_1m(prepared(tmp_path / "ready"), tmp_path / "out")
    for split, ids in zip(SPLITS, (range(8), range(8, 12), range(12, 16)), strict=True):
        assert pq.read_table(path.parent / f"{split}.parquet")["user_id"].to_pylist() == list(ids)


def test_timestamp_rows_keeps_only_rows_that_have_one(tmp_path: Path) -> None:
    path = prepare_1m(prepared(tmp_path / "ready"), tmp_path / "out", timestamp_rows=True)
    assert [row["user_id"] for row in rows_of(path)] == list(range(0, 16, 2))
    assert all(row["timestamp"] == TIME + row["user_id"] for row in rows_of(path))


@pytest.mark.parametrize("file", ["u.data", "u.user", "u.item", "u.genre"])
def test_a_missing_file_is_named_with_where_to_get_it(source_100k: Path, tmp_path: Path, file: str) -> None:
    (source_100k / file).unlink()
    with pytest.raises(SpecError, match=rf"{file} is missing; unpack https://files\.grouplens\.org.*ml-100k\.zip"):
        prepare_100k(source_100k, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_faults_of_the_source_are_named(source_100k: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"ratings\.dat is missing|movies\.dat is missing"):
        prepare_1m(tmp_path, tmp_path / "out")
    (prepared(tmp_path / "ready") / "test.parquet").unlink()
    with pytest.raises(SpecError, match=r"test\.parquet is missing"):
        prepare_1m(tmp_path / "ready", tmp_path / "out")
    with (source_100k / "u.data").open("a") as data:
        data.write("1\t99\t3\t0\n")
    with pytest.raises(SpecError, match="movie 99 has ratings but no line"):
        prepare_100k(source_100k, tmp_path / "out")
    with (source_100k / "u.data").open("a") as data:
        data.write("1\t2\n")
    with pytest.raises(SpecError, match=r"u\.data, line 32 has 2 fields, not 4"):
        prepare_100k(source_100k, tmp_path / "out")
    (source_100k / "u.data").write_text("1\ttwo\t3\t4\n")
    with pytest.raises(SpecError, match=r"u\.data.*not all whole numbers"):
        prepare_100k(source_100k, tmp_path / "out")


def test_an_empty_file_is_named(source_100k: Path, tmp_path: Path) -> None:
    (source_100k / "u.data").write_text("")
    with pytest.raises(SpecError, match=r"u\.data is empty"):
        prepare_100k(source_100k, tmp_path / "out")
