"""Positions all over some rows, one by chance from each of as many equal ranges.

Evenly spaced positions would see one half of rows that alternate, such as pairs of a shown and a clicked item.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def jittered(rows: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    """At most `count` numbers of `rows` rows, in order and each once; all of them where there are no more.

    Example:
        >>> jittered(3, 5).tolist(), len(jittered(100, 5))
        ([0, 1, 2], 5)
    """
    count = min(rows, count)
    edges = np.arange(count + 1, dtype=np.int64) * rows // max(1, count)
    within = np.random.default_rng(seed % 2**64).random(count) * np.diff(edges)
    found: NDArray[np.int64] = edges[:-1] + within.astype(np.int64)
    return found
