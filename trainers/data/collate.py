"""Rows → Batch: where arrays become tensors, without copying what already lies as the model takes it.

Shapes: B rows of a batch, S single-valued categorical features, M list features, K = S + M keys, V ids of the batch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from trainers.data.jagged import take_segments, transposition
from trainers.data.rows import Rows
from trainers.models.batch import Batch

Ints = NDArray[np.int64]


def collate(rows: Rows, start: int, stop: int) -> Batch:
    """Rows [start, stop) as the model takes them; dense columns, label, group and weight share memory."""
    return Batch(
        torch.from_numpy(rows.dense_ND[start:stop]),
        _keyed(rows.keys, *_key_major(rows, start, stop), stop - start),
        torch.from_numpy(rows.label_N[start:stop]),
        torch.from_numpy(rows.group_N[start:stop]),
        torch.from_numpy(rows.weight_N[start:stop]),
    )


def _key_major(rows: Rows, start: int, stop: int) -> tuple[Ints, Ints]:
    """Ids key by key (V) and their number per key and row (K·B)."""
    count, several = stop - start, rows.lengths_NM.shape[1]
    ids_SB = rows.ids_SN[:, start:stop].reshape(-1)
    if not several:
        return ids_SB, _ones(len(ids_SB))
    lengths_BM, values = rows.lengths_NM[start:stop], rows.list_ids(start, stop)
    if several > 1:
        values, _ = take_segments(values, lengths_BM.reshape(-1), _transposition(count, several))
    return np.concatenate([ids_SB, values]), np.concatenate([_ones(len(ids_SB)), lengths_BM.T.reshape(-1)])


def _keyed(keys: list[str], values_V: Ints, lengths_KB: Ints, rows: int) -> KeyedJaggedTensor:
    """Lengths, offsets and their sums per key are given, so that TorchRec derives none of them."""
    offsets = np.zeros(len(lengths_KB) + 1, np.int64)
    np.cumsum(lengths_KB, out=offsets[1:])
    key_offsets = offsets[::rows]
    return KeyedJaggedTensor(
        keys,
        torch.from_numpy(values_V),
        lengths=torch.from_numpy(lengths_KB),
        offsets=torch.from_numpy(offsets),
        stride=rows,
        length_per_key=np.diff(key_offsets).tolist(),
        offset_per_key=key_offsets.tolist(),
    )


@lru_cache(maxsize=64)
def _ones(count: int) -> Ints:
    """Lengths where every row has one id; shared between batches."""
    return np.ones(count, np.int64)


@lru_cache(maxsize=64)
def _transposition(rows: int, keys: int) -> Ints:
    return transposition(rows, keys)
