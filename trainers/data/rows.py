"""Rows: decoded rows of a data set as a few tensors, and batches out of them without a loop over rows or features.

Shapes: N rows, B rows of a batch, D dense columns, S single-valued categorical features, M list features,
K = S + M keys, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import torch
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from trainers.data.batch import Batch
from trainers.data.jagged import take_segments, transposition


@dataclass(frozen=True, kw_only=True)
class Rows:
    """N rows.

    `ids_SN` holds one id per row and single-valued feature, feature by feature, so that a batch's key-major ids are
    S contiguous runs. The M list features share one jagged tensor, row by row: `lengths_NM` says how many of
    `values_V` each takes, so that a range of rows is one slice.

    Attributes:
        dense_ND: float32, dense features in the spec's order, raw.
        ids_SN: int64.
        values_V: int64, row-major over (N, M).
        lengths_NM: int64.
        label_N, weight_N: float32.
        group_N: int64.
        keys: names of the S categorical features, then of the M list features, both in the spec's order.
    """

    dense_ND: torch.Tensor
    ids_SN: torch.Tensor
    values_V: torch.Tensor
    lengths_NM: torch.Tensor
    label_N: torch.Tensor
    group_N: torch.Tensor
    weight_N: torch.Tensor
    keys: list[str]

    def __len__(self) -> int:
        return self.label_N.shape[0]

    def select(self, index_N: torch.Tensor) -> Rows:
        """The rows of an index (int64), in its order; repeats allowed."""
        values, _ = take_segments(self.values_V, self.lengths_NM.sum(1), index_N.to(torch.int32))
        return Rows(
            dense_ND=self.dense_ND.index_select(0, index_N),
            ids_SN=self.ids_SN.index_select(1, index_N),
            values_V=values,
            lengths_NM=self.lengths_NM.index_select(0, index_N),
            label_N=self.label_N.index_select(0, index_N),
            group_N=self.group_N.index_select(0, index_N),
            weight_N=self.weight_N.index_select(0, index_N),
            keys=self.keys,
        )

    def slice(self, start: int, stop: int) -> Rows:
        """Rows [start, stop), sharing memory."""
        return Rows(
            dense_ND=self.dense_ND[start:stop],
            ids_SN=self.ids_SN[:, start:stop],
            values_V=self._values(start, stop),
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
            dense_ND=torch.cat([part.dense_ND for part in parts]),
            ids_SN=torch.cat([part.ids_SN for part in parts], 1),
            values_V=torch.cat([part.values_V for part in parts]),
            lengths_NM=torch.cat([part.lengths_NM for part in parts]),
            label_N=torch.cat([part.label_N for part in parts]),
            group_N=torch.cat([part.group_N for part in parts]),
            weight_N=torch.cat([part.weight_N for part in parts]),
            keys=parts[0].keys,
        )

    def batch(self, start: int, stop: int) -> Batch:
        """Rows [start, stop) as the model takes them; dense columns, label, group and weight share memory."""
        return Batch(
            self.dense_ND[start:stop],
            self._sparse(start, stop),
            self.label_N[start:stop],
            self.group_N[start:stop],
            self.weight_N[start:stop],
        )

    @cached_property
    def _starts(self) -> torch.Tensor:
        """Where each row's ids begin in `values_V`, and their number."""
        starts_N1 = torch.zeros(len(self) + 1, dtype=torch.int64)
        torch.cumsum(self.lengths_NM.sum(1), 0, out=starts_N1[1:])
        return starts_N1

    def _values(self, start: int, stop: int) -> torch.Tensor:
        return self.values_V[int(self._starts[start]) : int(self._starts[stop])]

    def _sparse(self, start: int, stop: int) -> KeyedJaggedTensor:
        """Key-major ids. Lengths, offsets and their sums per key are given, so that TorchRec derives none of them."""
        single, several, rows = self.ids_SN.shape[0], self.lengths_NM.shape[1], stop - start
        ids_SB = self.ids_SN[:, start:stop].reshape(-1)
        if not several:
            lengths_KB, offsets, per_key, key_offsets = _ones(single, rows)
            return _keyed(self.keys, ids_SB, lengths_KB, offsets, rows, per_key, key_offsets)
        lengths_MB = self.lengths_NM[start:stop].t().reshape(-1)
        values = self._values(start, stop)
        if several > 1:
            values, _ = take_segments(values, self.lengths_NM[start:stop].reshape(-1), _transposition(rows, several))
        lengths_KB = torch.cat([_ones(single, rows)[0], lengths_MB])
        offsets = torch.zeros(len(lengths_KB) + 1, dtype=torch.int64)
        torch.cumsum(lengths_KB, 0, out=offsets[1:])
        key_offsets = offsets[::rows].tolist()
        per_key = [after - before for before, after in pairwise(key_offsets)]
        return _keyed(self.keys, torch.cat([ids_SB, values]), lengths_KB, offsets, rows, per_key, key_offsets)


def _keyed(
    keys: list[str],
    values: torch.Tensor,
    lengths: torch.Tensor,
    offsets: torch.Tensor,
    stride: int,
    length_per_key: list[int],
    offset_per_key: list[int],
) -> KeyedJaggedTensor:
    return KeyedJaggedTensor(
        keys,
        values,
        lengths=lengths,
        offsets=offsets,
        stride=stride,
        length_per_key=length_per_key,
        offset_per_key=offset_per_key,
    )


@lru_cache(maxsize=64)
def _ones(keys: int, rows: int) -> tuple[torch.Tensor, torch.Tensor, list[int], list[int]]:
    """Lengths, offsets, length per key and offset per key where every row has one id; shared between batches."""
    total = keys * rows
    return (
        torch.ones(total, dtype=torch.int64),
        torch.arange(total + 1, dtype=torch.int64),
        [rows] * keys,
        [key * rows for key in range(keys + 1)],
    )


@lru_cache(maxsize=64)
def _transposition(rows: int, keys: int) -> torch.Tensor:
    return transposition(rows, keys)
