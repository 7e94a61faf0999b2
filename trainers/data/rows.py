"""Rows: decoded rows of a data set as a few arrays. No torch; `collate` makes batches of tensors out of them.

Shapes: N rows, D dense columns, S single-valued categorical features, M list features, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainers.data.jagged import take_segments


@dataclass(frozen=True, kw_only=True)
class Rows:
    """N rows, in arrays that may be written to.

    `ids_SN` holds one id per row and single-valued feature, feature by feature, so that a batch's key-major ids are
    S contiguous runs. The M list features share one jagged array, row by row: `lengths_NM` says how many of
    `values_V` each takes, so that a range of rows is one slice.

    Attributes:
        dense_ND: float32, dense features in the spec's order, standardized where the decoder knows by what.
        ids_SN: int64.
        values_V: int64, row-major over (N, M).
        lengths_NM: int64.
        label_N, weight_N: float32.
        group_N: int64.
        keys: names of the S categorical features, then of the M list features, both in the spec's order.
    """

    dense_ND: NDArray[np.float32]
    ids_SN: NDArray[np.int64]
    values_V: NDArray[np.int64]
    lengths_NM: NDArray[np.int64]
    label_N: NDArray[np.float32]
    group_N: NDArray[np.int64]
    weight_N: NDArray[np.float32]
    keys: list[str]

    def __len__(self) -> int:
        return len(self.label_N)

    def select(self, index_N: NDArray[np.int64]) -> Rows:
        """The rows of an index (int64), in its order; repeats allowed."""
        values, _ = take_segments(self.values_V, self.lengths_NM.sum(1), index_N)
        return Rows(
            dense_ND=self.dense_ND.take(index_N, 0),
            ids_SN=self.ids_SN.take(index_N, 1),
            values_V=values,
            lengths_NM=self.lengths_NM.take(index_N, 0),
            label_N=self.label_N.take(index_N, 0),
            group_N=self.group_N.take(index_N, 0),
            weight_N=self.weight_N.take(index_N, 0),
            keys=self.keys,
        )

    def slice(self, start: int, stop: int) -> Rows:
        """Rows [start, stop), sharing memory."""
        return Rows(
            dense_ND=self.dense_ND[start:stop],
            ids_SN=self.ids_SN[:, start:stop],
            values_V=self.list_ids(start, stop),
            lengths_NM=self.lengths_NM[start:stop],
            label_N=self.label_N[start:stop],
            group_N=self.group_N[start:stop],
            weight_N=self.weight_N[start:stop],
            keys=self.keys,
        )

    @staticmethod
    def concat(parts: Sequence[Rows]) -> Rows:
        """The rows of one or more parts of one spec, one after another."""
        return Rows(
            dense_ND=np.concatenate([part.dense_ND for part in parts]),
            ids_SN=np.concatenate([part.ids_SN for part in parts], 1),
            values_V=np.concatenate([part.values_V for part in parts]),
            lengths_NM=np.concatenate([part.lengths_NM for part in parts]),
            label_N=np.concatenate([part.label_N for part in parts]),
            group_N=np.concatenate([part.group_N for part in parts]),
            weight_N=np.concatenate([part.weight_N for part in parts]),
            keys=parts[0].keys,
        )

    def list_ids(self, start: int, stop: int) -> NDArray[np.int64]:
        """The values of rows [start, stop), row-major over (stop − start, M), sharing memory."""
        return self.values_V[self._starts[start] : self._starts[stop]]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where each row's ids begin in `values_V`, and their number."""
        starts_N1 = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.lengths_NM.sum(1), out=starts_N1[1:])
        return starts_N1
