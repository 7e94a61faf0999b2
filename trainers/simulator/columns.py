"""Columns: how the values of a feature are drawn, copied and stored, whatever the feature's role.

Shapes: N rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Effect = NDArray[np.float64]
Present = NDArray[np.bool_]
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True, eq=False)
class Column(ABC, Generic[V]):
    """One feature's distribution. `dim` is its width in the concatenation."""

    dim: int

    @abstractmethod
    def draw(self, rng: np.random.Generator, rows: int) -> V:
        """Values of `rows` independent rows."""

    @abstractmethod
    def draw_sparse(self, rng: np.random.Generator, present_N: Present) -> V:
        """The feature's default where `present_N` is false, something distinct from it elsewhere."""

    @abstractmethod
    def present(self, values: V) -> Present:
        """Where the values aren't the feature's default (N)."""

    @abstractmethod
    def effect(self, values: V) -> Effect:
        """What the values add to the logit per unit of weight (N): mean 0 and variance 1 over `draw`."""

    @abstractmethod
    def copy(self, rng: np.random.Generator, values: V) -> V:
        """A noisy linear copy of the values; of ids, the same ids with a few errors."""

    @abstractmethod
    def constant(self, rows: int) -> V:
        """The same value in every row, and not the feature's default."""

    @abstractmethod
    def arrow(self, values: V) -> pa.Array[Any]:
        """The values as they are stored in Parquet, N rows."""

    @abstractmethod
    def declaration(self) -> dict[str, object]:
        """What a spec says of the column: kind, dim and table."""
