"""Features that can tell nothing, by the training rows at hand: null, one value, or a copy of another feature.

Shapes: N rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from trainers.data.columns import flags_of, numbers_of, single_array, take_rows
from trainers.data.decode import Decoder
from trainers.data.ids import hash_values
from trainers.data.split_sample import SplitSample
from trainers.data.targets import NULL_GROUP
from trainers.data.types import is_list
from trainers.problems import list_names
from trainers.spec import CategoricalFeature, MultiCategoricalFeature

# Rows by which candidates for copies are found; all rows at hand decide.
SOME_ROWS = 2**10


def constant_warnings(sample: SplitSample, rows: str) -> Iterator[str]:
    """A line for features that are null, empty or at their default in all rows, and one for others of one value.

    Args:
        sample: of the training rows.
        rows: which of them were read, in words.
    """
    at_default = [name for name, share in sample.at_default.items() if share == 1]
    if at_default:
        yield (
            f"features null, empty or at their default in {rows}: {list_names(map(repr, at_default))}; correct their "
            "columns, or take them out"
        )
    constant = [name for name in sample.at_default if name in sample.constant and name not in at_default]
    if constant:
        names = list_names(map(repr, constant))
        yield f"features with one value in {rows}: {names}; correct their columns, or take them out"


def group_warning(column: str, rows: str, group_N: NDArray[np.int64]) -> str | None:
    """What to say of groups that are one, in rows of a split in words."""
    if (group_N != group_N[0]).any():
        return None
    what = "is null" if group_N[0] == NULL_GROUP else "has one value"
    return (
        f"dataset.group: column {column!r} {what} in {rows}: GAUC of one group is AUC; "
        " correct the column, or leave dataset.group out"
    )


def copy_warnings(decoder: Decoder, table: pa.Table, constant: frozenset[str], rows: str) -> Iterator[str]:
    """A line for the features whose values are the same in all rows, where they vary.

    Args:
        decoder: of the features.
        table: training rows.
        constant: features of one value, which say nothing and are told already.
        rows: which rows these are, in words.
    """
    alike: dict[bytes, list[str]] = defaultdict(list)
    some_n = np.arange(0, table.num_rows, max(1, table.num_rows // SOME_ROWS))
    for name, digest in _digests(decoder, take_rows(table, some_n), None):
        if name not in constant:
            alike[digest].append(name)
    candidates = {name for names in alike.values() if len(names) > 1 for name in names}
    copies: dict[bytes, list[str]] = defaultdict(list)
    if candidates:
        for name, digest in _digests(decoder, table, candidates):
            copies[digest].append(name)
    groups = [" = ".join(map(repr, names)) for names in copies.values() if len(names) > 1]
    if groups:
        yield (
            f"features equal on {rows}: {list_names(groups)}; they share their importance, "
            "so that each is little missed: keep one of each"
        )


def _digests(decoder: Decoder, table: pa.Table, names: set[str] | None) -> Iterator[tuple[str, bytes]]:
    """Feature name and the digest of its values, of those named."""
    for dense, numbers_Nd in decoder.raw_dense(table) if _any_dense(decoder, names) else ():
        if names is None or dense.name in names:
            yield dense.name, _digest("numbers", numbers_Nd.astype(np.float64) + 0.0)  # no −0
    sparse: list[CategoricalFeature | MultiCategoricalFeature] = [*decoder.single, *decoder.several]
    for feature in sparse:
        if names is None or feature.name in names:
            yield feature.name, _digest(*_id_parts(single_array(table.column(feature.source))))


def _any_dense(decoder: Decoder, names: set[str] | None) -> bool:
    return names is None or any(feature.name in names for feature in decoder.dense)


def _id_parts(array: Any) -> tuple[Any, ...]:
    """What makes two columns of ids equal: their values, which are null, and the lists that they stand in."""
    if pa.types.is_null(array.type):
        return ("null", np.empty(0))
    parts: list[Any] = ["ids"]
    if is_list(array.type):
        parts = ["lists", numbers_of(pc.list_value_length(array).cast(pa.int64()))]
        array = array.flatten()
    valid_N = flags_of(array.is_valid())
    return (*parts, np.where(valid_N, hash_values(array), 0), valid_N)


def _digest(kind: str, *parts: Any) -> bytes:
    hashed = xxhash.xxh128(kind.encode())
    for part in parts:
        hashed.update(np.ascontiguousarray(part).tobytes())
    return hashed.digest()
