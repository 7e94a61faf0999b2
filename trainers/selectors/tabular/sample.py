"""What a tabular selector is given: decoded rows, column by column. Imports no torch.

Shapes: N rows, d numbers of a dense feature, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Numbers:
    """A dense feature, raw: `values_Nd`, float32 or float64, with the digits of its column."""

    values_Nd: NDArray[Any]


@dataclass(frozen=True)
class Ids:
    """A categorical feature: `ids_N`, rows of its table, int64."""

    ids_N: NDArray[np.int64]


@dataclass(frozen=True)
class Lists:
    """A list feature: `values_V`, rows of its table, row after row, of which each row has its share of `lengths_N`."""

    values_V: NDArray[np.int64]
    lengths_N: NDArray[np.int64]


Column = Numbers | Ids | Lists


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Training rows.

    Args:
        columns: by feature, in the model's order.
        label_N: 0 or 1, float32.
        weight_N: float32; all 1 where the spec names no weight.
        seed: of how the rows were drawn, and of whatever a selector draws.
        drawn: how the sample was drawn; becomes part of the ranking's diagnostics.
    """

    columns: Mapping[str, Column]
    label_N: NDArray[np.float32]
    weight_N: NDArray[np.float32]
    seed: int
    drawn: Mapping[str, float | bool | str]

    def __len__(self) -> int:
        return len(self.label_N)
