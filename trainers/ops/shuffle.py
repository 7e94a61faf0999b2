"""Which row's value stands in for a row's own, feature by feature.

Shapes: B rows, F features, K blocks of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

# Rows that exchange values: so many, and fewer than twice as many, so that what is read again is still in the cache.
BLOCK_ROWS = 64


@dataclass(frozen=True)
class Shuffle:
    """A permutation of the rows for each feature, without an index of B × F (LeAP Algorithm 1).

    A random order of the rows is cut into blocks, and each block is shifted cyclically, by 1 to n − 1 of its n rows,
    for each feature anew. No row keeps its own value, all other rows are equally likely, and rows may come in any
    order. Two features of a row take their values from the same other row with a probability of 1/(n − 1).

    Args:
        order_B: int64, the random order of the rows.
        bounds: K + 1 places in that order, at which blocks begin and the last one ends.
        shift_KF: int32, by how many places a block's rows look ahead.
    """

    order_B: torch.Tensor
    bounds: torch.Tensor
    shift_KF: torch.Tensor

    @classmethod
    def draw(cls, rows: int, features: int, device: torch.device) -> Shuffle:
        """From the device's default generator. Raises ValueError for fewer than two rows."""
        if rows < 2:
            raise ValueError(f"a batch of {rows} can't be permuted; train with batches of at least 2 rows")
        blocks = max(1, rows // BLOCK_ROWS)
        bounds = torch.arange(blocks + 1) * rows // blocks
        order_B = torch.randperm(rows, device=device)
        # So many more numbers than rows that the remainder is uniform for every purpose.
        drawn_KF = torch.randint(2**62, (blocks, features), device=device)
        shift_KF = 1 + drawn_KF % (bounds.diff() - 1).to(device)[:, None]
        return cls(order_B, bounds, shift_KF.int())

    def source_BF(self) -> torch.Tensor:
        """The row that each row's value of each feature comes from: int64, for those who need the whole index."""
        begin_K, size_K = self.bounds[:-1], self.bounds.diff()
        block_B = torch.arange(len(size_K)).repeat_interleave(size_K).to(self.order_B.device)
        begin_B1 = begin_K.to(self.order_B.device)[block_B, None]
        place_B1 = torch.arange(len(self.order_B), device=self.order_B.device)[:, None] - begin_B1
        size_B1 = size_K.to(self.order_B.device)[block_B, None]
        ahead_BF = begin_B1 + (place_B1 + self.shift_KF[block_B]).remainder(size_B1)
        return torch.empty_like(ahead_BF).index_copy_(0, self.order_B, self.order_B[ahead_BF])
