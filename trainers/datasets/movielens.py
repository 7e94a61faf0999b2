"""MovieLens-100K and -1M: GroupLens' files → shuffled Parquet splits and a spec, as the published benchmarks use them.

The label is 1 where the rating is 4 or 5. Every field is one categorical id of dim 8, genres too ("Action|Comedy").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainers.datasets.directory import feature_line, staged_directory
from trainers.runs.directory import write_text
from trainers.spec import SpecError

FIELDS = ("user_id", "movie_id", "title", "genres", "timestamp", "gender", "age", "occupation", "zip")
DIM = 8
LIKED = 4
KEPT = 4
ROW_GROUP = 8192
PLACES_PER_ID = 8  # of a hashed table: an id in nine shares its place with another
SMALLEST_TABLE = 1000  # of strings: so that few strings, as genders are, hardly ever collide

_DOWNLOAD = "https://files.grouplens.org/datasets/movielens"

Splits = Mapping[str, pa.Table]


def prepare_100k(source: Path, output: Path, seed: int = 0) -> Path:
    """Read `u.data`, `u.user`, `u.item` and `u.genre` in `source`; write three Parquet files and a spec to `output`.

    Rows are shuffled by `seed` and split 80/10/10. Returns the spec's path.

    Raises:
        SpecError: a file of the source is missing or malformed, or `output` exists and is no data set.
    """
    source = Path(source)
    text = _reader(source, "ml-100k")
    names = [line[0] for line in text("u.genre", "|", 2)]
    movies = [_movie_100k(line, names) for line in text("u.item", "|", 5 + len(names))]
    users = [(line[0], line[2], line[1], line[3], line[4]) for line in text("u.user", "|", 5)]
    table = _joined(_ratings(source / "u.data", text("u.data", "\t", 4)), users, movies, string_occupation=True)
    return _publish(_split(table, seed), Path(output), name="movielens-100k", batch_size=256, fields=FIELDS)


def prepare_1m(source: Path, output: Path, seed: int = 0, *, timestamp_rows: bool = False) -> Path:
    """Read `ratings.dat`, `users.dat` and `movies.dat` in `source`, or `{train,validation,test}.parquet` as they are.

    Args:
        source: the unpacked ml-1m, or a folder with prepared splits that have this module's columns.
        output: the directory to make.
        seed: shuffles the rows before the split; prepared splits stay as they are.
        timestamp_rows: keep only the rows that have a timestamp, and use it as a field. Without it the field is
            left out and every row stays.

    Returns the spec's path.

    Raises:
        SpecError: a file of the source is missing or malformed, or `output` exists and is no data set.
    """
    source = Path(source)
    fields = FIELDS if timestamp_rows else tuple(field for field in FIELDS if field != "timestamp")
    prepared = (source / "train.parquet").exists()
    splits = _prepared(source, (*fields, "label")) if prepared else _split(_raw_1m(source), seed)
    if timestamp_rows:
        splits = {name: table.filter(pc.is_valid(table["timestamp"])) for name, table in splits.items()}
    return _publish(splits, Path(output), name="movielens-1m", batch_size=1024, fields=fields)


def _raw_1m(source: Path) -> pa.Table:
    text = _reader(source, "ml-1m")
    movies = [(line[0], line[1], line[2]) for line in text("movies.dat", "::", 3)]
    users = [(line[0], line[1], line[2], line[3], line[4]) for line in text("users.dat", "::", 5)]
    return _joined(
        _ratings(source / "ratings.dat", text("ratings.dat", "::", 4)), users, movies, string_occupation=False
    )


def _prepared(source: Path, columns: tuple[str, ...]) -> Splits:
    splits = {}
    for name in ("train", "validation", "test"):
        path = source / f"{name}.parquet"
        if not path.is_file():
            raise SpecError(f"source: {path} is missing; put all three splits there, or the raw files of ml-1m alone")
        missing = sorted(set(columns) - set(pq.read_schema(path).names))
        if missing:
            raise SpecError(f"source: {path} has no column {missing[0]!r}; give splits with {', '.join(columns)}")
        splits[name] = pq.read_table(path, columns=list(columns))
    return splits


def _reader(source: Path, archive: str) -> Callable[[str, str, int], list[list[str]]]:
    """A function (file, separator, fields) → the fields of every line, which are latin-1."""

    def read(file: str, separator: str, fields: int) -> list[list[str]]:
        path = source / file
        if not path.is_file():
            raise SpecError(f"source: {path} is missing; unpack {_DOWNLOAD}/{archive}.zip and give its folder")
        lines = path.read_text(encoding="latin-1").splitlines()
        parsed = [line.split(separator) for line in lines if line]
        if not parsed:
            raise SpecError(f"source: {path} is empty; unpack it anew")
        for number, line in enumerate(parsed, start=1):
            if len(line) < fields:
                raise SpecError(f"source: {path}, line {number} has {len(line)} fields, not {fields}; unpack it anew")
        return parsed

    return read


def _movie_100k(line: list[str], genre_names: list[str]) -> tuple[str, str, str]:
    """(movie id, title, genres joined by |) of a line of `u.item`, whose last fields are a flag per genre."""
    flags = line[-len(genre_names) :]
    return line[0], line[1], "|".join(name for name, flag in zip(genre_names, flags, strict=True) if flag == "1")


def _ratings(path: Path, lines: list[list[str]]) -> NDArray[np.int64]:
    """(N, 4): user, movie, rating, timestamp."""
    try:
        return np.array(lines, dtype=np.int64)
    except ValueError as error:
        raise SpecError(f"source: {path}: not all whole numbers ({error}); unpack it anew") from None


def _joined(ratings_N4: NDArray[np.int64], users: list[Any], movies: list[Any], *, string_occupation: bool) -> pa.Table:
    """One row per rating, with the fields of its user and its movie."""
    user_id, gender, age, occupation, zip_code = zip(*users, strict=True)
    movie_id, title, genres = zip(*movies, strict=True)
    user_N = _positions(ratings_N4[:, 0], user_id, "user")
    movie_N = _positions(ratings_N4[:, 1], movie_id, "movie")

    def of(values: Any, at_N: NDArray[np.int64], *, string: bool) -> Any:
        return pa.array(values if string else np.array(values, np.int64)).take(pa.array(at_N))

    return pa.table(
        {
            "user_id": pa.array(ratings_N4[:, 0]),
            "movie_id": pa.array(ratings_N4[:, 1]),
            "title": of(title, movie_N, string=True),
            "genres": of(genres, movie_N, string=True),
            "timestamp": pa.array(ratings_N4[:, 3]),
            "gender": of(gender, user_N, string=True),
            "age": of(age, user_N, string=False),
            "occupation": of(occupation, user_N, string=string_occupation),
            "zip": of(zip_code, user_N, string=True),
            "label": pa.array((ratings_N4[:, 2] >= LIKED).astype(np.int8)),
        }
    )


def _positions(wanted_N: NDArray[np.int64], ids: tuple[str, ...], what: str) -> NDArray[np.int64]:
    """Where in `ids` each wanted id stands (N)."""
    known = np.array(ids, dtype=np.int64)
    order = np.argsort(known)
    at_N = order[np.minimum(np.searchsorted(known, wanted_N, sorter=order), len(known) - 1)]
    lost = wanted_N[known[at_N] != wanted_N]
    if len(lost):
        raise SpecError(f"source: {what} {lost[0]} has ratings but no line of its own; unpack the archive anew")
    return at_N


def _split(table: pa.Table, seed: int) -> Splits:
    """80/10/10 of the rows, shuffled."""
    order = np.random.default_rng(seed).permutation(len(table))
    tenth = len(table) // 10
    parts = np.split(order, [len(table) - 2 * tenth, len(table) - tenth])
    names = ("train", "validation", "test")
    return {name: table.take(pa.array(rows, pa.int64())) for name, rows in zip(names, parts, strict=True)}


def _publish(splits: Splits, output: Path, *, name: str, batch_size: int, fields: tuple[str, ...]) -> Path:
    everything = pa.concat_tables([table.select([*fields, "label"]) for table in splits.values()])
    with staged_directory(output) as staging:
        for split, table in splits.items():
            pq.write_table(table.select([*fields, "label"]), staging / f"{split}.parquet", row_group_size=ROW_GROUP)
        lines = [feature_line(_declaration(field, everything[field])) for field in fields]
        target = math.ceil(100 * KEPT / len(fields)) / 100
        text = _SPEC.format(name=name, batch_size=batch_size, target=target, kept=KEPT, features="\n".join(lines))
        write_text(staging / "spec.yaml", text)
    return output / "spec.yaml"


def _declaration(field: str, column: pa.ChunkedArray[Any]) -> dict[str, object]:
    """Ids that fill their range are checked against it; others and strings are hashed into roomy tables."""
    unique = len(column.unique())
    if not pa.types.is_integer(column.type):
        size, ids = max(SMALLEST_TABLE, PLACES_PER_ID * unique), "hashed"
    elif (largest := int(pc.max(column).as_py())) < PLACES_PER_ID * unique:
        size, ids = largest + 1, "checked"
    else:
        size, ids = PLACES_PER_ID * unique, "hashed"
    return {"name": field, "kind": "categorical", "dim": DIM, "hash_size": size, "ids": ids}


_SPEC = """\
# MovieLens, label 1 where the rating is 4 or 5. The data is for research, by GroupLens' terms. Run it with
#   winnow run spec.yaml --output ../run
name: {name}
# Paths are relative to this file; AUC is also averaged per user (GAUC).
dataset: {{train: train.parquet, validation: validation.parquet, test: test.parquet, label: label, group: user_id}}
features:
{features}
model: {{backbone: wide_deep}}
# bilevel: gates learn on held-out batches, so that a field that can only be memorized loses its gate.
# target_dims: the penalty on gates is steered until {kept} fields stay open.
selector: {{name: leap, update: bilevel, target_dims: {target}}}
prune: {{rule: top_k, top_k: {kept}}}
finetune: {{epochs: 1}}
training: {{batch_size: {batch_size}, epochs: 5, seed: 0}}
"""
