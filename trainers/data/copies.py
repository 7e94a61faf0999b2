"""Exact copies: features of one kind whose values are the same in every row looked at, in the column and to the model.

The tables of two copies may differ in width and rows, as long as their ids determine each other: a table in which
values collide can't stand for one that keeps them apart, nor can one whose default hides null among other values.

Shapes: N rows, V ids of N rows, U distinct ids, d numbers of a dense feature.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from trainers.data.columns import flags_of, numbers_of, single_array, take_rows
from trainers.data.decode import Decoder
from trainers.data.ids import decode_ids, decode_lists, hash_values
from trainers.data.jitter import jittered
from trainers.data.types import is_list
from trainers.problems import list_names
from trainers.spec import DenseFeature, FeatureSpec, JobSpec

# Rows that tell most features apart, before the others are compared on more.
FIRST_ROWS = 2**10


class CopyFinder:
    """Features that were the same in all rows so far; few tables of rows leave only copies together.

    Example:
        >>> finder = CopyFinder(spec)  # doctest: +SKIP
        >>> finder.add(table)  # doctest: +SKIP
        >>> finder.copies()  # doctest: +SKIP
        [('clicks', 'clicks_again')]
    """

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        alike: dict[tuple[str, str | None, str | None], list[str]] = defaultdict(list)
        for feature in spec.features:
            # Float32 keeps digits of a standardized number that it loses of the number itself.
            way = feature.normalize if isinstance(feature, DenseFeature) else None
            alike[feature.kind, getattr(feature, "pooling", None), way].append(feature.name)
        self._groups = _several(alike.values())
        self._seen = {name: _FirstSeen() for group in self._groups for name in group}
        self._varied: set[str] = set()

    @property
    def columns(self) -> list[str]:
        """The Parquet columns of the features that may still be copies, each once; empty where there are none."""
        return list(dict.fromkeys(feature.source for feature in self._suspects()))

    def add(self, table: pa.Table) -> None:
        """Tell features apart by more rows, of a table that has `columns`."""
        suspects = self._suspects()
        if not suspects or not table.num_rows:
            return
        decoder = Decoder(self.spec.model_copy(update={"features": tuple(suspects)}))
        digests = {}
        for name, parts, varied in self._values(decoder, table):
            digests[name] = _digest(parts)
            self._varied |= {name} if varied else set()
        parted: dict[tuple[int, bytes], list[str]] = defaultdict(list)
        for place, group in enumerate(self._groups):
            for name in group:
                parted[place, digests[name]].append(name)
        self._groups = _several(parted.values())

    def copies(self) -> list[tuple[str, ...]]:
        """Groups of copies, each in the order of the spec. Features of one value say nothing, and are none."""
        return [tuple(group) for group in self._groups if self._varied & set(group)]

    def _suspects(self) -> list[FeatureSpec]:
        names = {name for group in self._groups for name in group}
        return [feature for feature in self.spec.features if feature.name in names]

    def _values(self, decoder: Decoder, table: pa.Table) -> Iterator[tuple[str, list[Any], bool]]:
        """Feature name, its values as arrays, and whether they vary. Raises SpecError."""
        for dense, numbers_Nd in decoder.raw_dense(table):
            wide_Nd = numbers_Nd.astype(np.float64) + 0.0  # no −0
            yield dense.name, [wide_Nd], bool((wide_Nd != wide_Nd[:1]).any())
        for single in decoder.single:
            array = single_array(table.column(single.source))
            number_N = self._seen[single.name].number(decode_ids(single, array))
            yield single.name, [*_id_parts(array), number_N], bool(number_N.any())
        for several in decoder.several:
            array = single_array(table.column(several.source))
            ids_V, lengths_N = decode_lists(several, array)
            number_V = self._seen[several.name].number(ids_V)
            varied = bool(number_V.any() or (lengths_N != lengths_N[:1]).any())
            yield several.name, [*_id_parts(array), number_V], varied


class _FirstSeen:
    """Numbers ids in the order in which they are first seen: two features' ids determine each other where the numbers
    of all their rows are the same."""

    def __init__(self) -> None:
        self._seen_U = np.empty(0, np.int64)

    def number(self, id_V: NDArray[np.int64]) -> NDArray[np.int64]:
        """(V,) from 0; ids that were seen before keep their number."""
        id_U, first_U, inverse_V = np.unique(id_V, return_index=True, return_inverse=True)
        fresh_U = ~np.isin(id_U, self._seen_U)
        self._seen_U = np.concatenate([self._seen_U, id_U[fresh_U][np.argsort(first_U[fresh_U])]])
        order_U = np.argsort(self._seen_U)
        number_U = order_U[np.searchsorted(self._seen_U, id_U, sorter=order_U)].astype(np.int64)
        return number_U[inverse_V]


def copy_warnings(spec: JobSpec, table: pa.Table, rows: str) -> Iterator[str]:
    """A line for the features whose values are the same in all of these training rows, and one for essential ones.

    `rows` says in words which rows they are.
    """
    finder = CopyFinder(spec)
    finder.add(take_rows(table, jittered(table.num_rows, FIRST_ROWS)))
    finder.add(table)
    found = finder.copies()
    if found:
        yield (
            f"features equal on {rows}: {_equations(found)}; they share their importance; of each, a run keeps "
            "the one that it ranks first: take the others out"
        )
    essential = {feature.name for feature in spec.features if spec.is_essential(feature)}
    twice = _several([name for name in group if name in essential] for group in found)
    if twice:
        yield f"essential: {_equations(twice)}, equal on {rows}: all of them stay; one of each is enough"


def _equations(groups: Sequence[Sequence[str]]) -> str:
    return list_names([" = ".join(map(repr, names)) for names in groups])


def _several(groups: Any) -> list[list[str]]:
    return [group for group in groups if len(group) > 1]


def _id_parts(array: Any) -> list[Any]:
    """What makes two columns of ids equal: the lists that they stand in, which are null, and their values."""
    if pa.types.is_null(array.type):
        return [np.zeros(len(array))]
    parts: list[Any] = []
    if is_list(array.type):  # a null list is an empty one
        parts = [numbers_of(pc.list_value_length(array).cast(pa.int64()))]
        array = array.flatten()
    valid_N = flags_of(array.is_valid())
    return [*parts, valid_N, np.where(valid_N, hash_values(array), 0)]


def _digest(parts: Sequence[Any]) -> bytes:
    hashed = xxhash.xxh128()
    for part in parts:
        hashed.update(np.ascontiguousarray(part).tobytes())
    return hashed.digest()
