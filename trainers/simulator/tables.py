"""Columns of ids: one per row, a list per row, and the key that no two rows share.

Shapes: N rows, V ids of a table, M ids in all lists of N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.checks.collisions import LIMIT, share_of_collisions
from trainers.data.ids import hash_values
from trainers.simulator.columns import Column, Effect, Ids, Present

COPY_ERRORS = 0.05  # share of a duplicate's ids that are drawn anew


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """V ids, how often each occurs, and what each adds to the logit (mean 0, variance 1 over the occurrences)."""

    cumulative_V: Effect
    effect_V: Effect

    @classmethod
    def make(cls, rng: np.random.Generator, ids: int) -> Table:
        """Zipf-like popularity ∝ 1 / (rank + V/20), so that a table's rare ids still occur; normal effects."""
        popularity_V = 1.0 / (rng.permutation(ids) + 1 + ids / 20)
        popularity_V /= popularity_V.sum()
        effect_V = rng.standard_normal(ids)
        effect_V -= popularity_V @ effect_V
        return cls(cumulative_V=np.cumsum(popularity_V), effect_V=effect_V / np.sqrt(popularity_V @ effect_V**2))

    def __len__(self) -> int:
        return len(self.effect_V)

    def draw(self, rng: np.random.Generator, count: int) -> Ids:
        ids = np.searchsorted(self.cumulative_V, rng.random(count), side="right")
        return np.minimum(ids, len(self) - 1).astype(np.int64)

    def with_errors(self, rng: np.random.Generator, ids: Ids) -> Ids:
        return np.where(rng.random(len(ids)) < COPY_ERRORS, self.draw(rng, len(ids)), ids)


@dataclass(frozen=True, kw_only=True, eq=False)
class Categorical(Column[Ids]):
    """One id per row, (N) int64; stored as ints, or as strings where `strings`. Id 0 is the default."""

    table: Table
    strings: bool = False

    def draw(self, rng: np.random.Generator, rows: int) -> Ids:
        return self.table.draw(rng, rows)

    def draw_sparse(self, rng: np.random.Generator, present_N: Present) -> Ids:
        return np.where(present_N, 1 + self.draw(rng, len(present_N)) % (len(self.table) - 1), 0)

    def present(self, values: Ids) -> Present:
        return np.asarray(values != 0)

    def effect(self, values: Ids) -> Effect:
        return self.table.effect_V[values]

    def copy(self, rng: np.random.Generator, values: Ids) -> Ids:
        return self.table.with_errors(rng, values)

    def constant(self, rows: int) -> Ids:
        return np.ones(rows, np.int64)

    def arrow(self, values: Ids) -> pa.Array[Any]:
        if not self.strings:
            return pa.array(values, pa.int64())
        return self._names().take(pa.array(values, pa.int64()))

    def _names(self) -> pa.Array[Any]:
        """Of the ids, (V)."""
        return pa.array([f"id-{index}" for index in range(len(self.table))], pa.string())

    def declaration(self) -> dict[str, object]:
        # Ints of [0, V) fit a table of V; strings are hashed, and take ten places an id, or as many as keep them apart.
        size = len(self.table)
        if self.strings:
            hashed_V, size = hash_values(self._names()), 10 * size
            while share_of_collisions(hashed_V, size) > LIMIT:
                size *= 2
        default = "id-0" if self.strings else 0
        return {"kind": "categorical", "dim": self.dim, "hash_size": size, "default": default}


@dataclass(frozen=True, eq=False)
class Lists:
    """N lists end to end: `ids_M` and the N + 1 `offsets`, of which list n holds ids_M[offsets[n]:offsets[n+1]]."""

    ids_M: Ids
    offsets: NDArray[np.int32]

    @classmethod
    def of_lengths(cls, ids_M: Ids, lengths_N: Ids) -> Lists:
        return cls(ids_M, np.concatenate([[0], np.cumsum(lengths_N)]).astype(np.int32))


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiCategorical(Column[Lists]):
    """0 to 10 ids per row; the effect is the mean of the ids' effects, 0 for the empty list, scaled to variance 1."""

    table: Table

    LONGEST = 10

    def draw(self, rng: np.random.Generator, rows: int) -> Lists:
        lengths_N = rng.integers(0, self.LONGEST + 1, rows)
        return Lists.of_lengths(self.table.draw(rng, int(lengths_N.sum())), lengths_N)

    def draw_sparse(self, rng: np.random.Generator, present_N: Present) -> Lists:
        lengths_N = present_N * rng.integers(1, self.LONGEST + 1, len(present_N))
        return Lists.of_lengths(self.table.draw(rng, int(lengths_N.sum())), lengths_N)

    def present(self, values: Lists) -> Present:
        return np.diff(values.offsets) > 0

    def effect(self, values: Lists) -> Effect:
        sums = np.concatenate([[0.0], np.cumsum(self.table.effect_V[values.ids_M])])
        lengths_N = np.diff(values.offsets)
        mean_N = np.diff(sums[values.offsets]) / np.maximum(lengths_N, 1)
        # The mean of n independent ids has variance 1/n, and every length 0..10 is as likely as another.
        variance = sum(1 / length for length in range(1, self.LONGEST + 1)) / (self.LONGEST + 1)
        return np.asarray(mean_N / np.sqrt(variance))

    def copy(self, rng: np.random.Generator, values: Lists) -> Lists:
        return Lists(self.table.with_errors(rng, values.ids_M), values.offsets)

    def constant(self, rows: int) -> Lists:
        return Lists.of_lengths(np.tile(np.arange(2), rows), np.full(rows, 2))

    def arrow(self, values: Lists) -> pa.Array[Any]:
        return pa.ListArray.from_arrays(pa.array(values.offsets, pa.int32()), pa.array(values.ids_M, pa.int64()))

    def declaration(self) -> dict[str, object]:
        return {"kind": "multi_categorical", "dim": self.dim, "hash_size": len(self.table)}


@dataclass(frozen=True, kw_only=True, eq=False)
class RowKey:
    """An id that no two rows share, (N) int64; hashed into a table, it lets a model remember its training rows."""

    dim: int
    hash_size: int
    strings: bool

    def of_rows(self, first: int, rows: int) -> Ids:
        """Keys of the rows first … first + rows - 1 of the whole data set, as scattered as hashes are."""
        # An odd factor modulo a power of two is a bijection: keys are unique up to 2^40 rows.
        return (np.arange(first, first + rows, dtype=np.int64) * 668265263) & (2**40 - 1)

    def arrow(self, values: Ids) -> pa.Array[Any]:
        return pa.array([f"row-{key:010x}" for key in values.tolist()]) if self.strings else pa.array(values)

    def declaration(self) -> dict[str, object]:
        return {"kind": "categorical", "dim": self.dim, "hash_size": self.hash_size}
