"""Moving the segments of a jagged array, without a loop over segments.

Shapes: G segments, H chosen segments, V values (Σ lengths).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def take_segments(values_V: Ints, lengths_G: Ints, index_H: Ints) -> tuple[Ints, Ints]:
    """The chosen segments' values and lengths, in the order of `index_H` (subsets and repeats allowed).

    Example:
        >>> values, lengths = take_segments(np.array([7, 8, 9]), np.array([2, 0, 1]), np.array([2, 0]))
        >>> values.tolist(), lengths.tolist()
        ([9, 7, 8], [1, 2])
    """
    lengths_H = lengths_G.take(index_H)
    starts_G = np.cumsum(lengths_G) - lengths_G
    ends_H = np.cumsum(lengths_H)
    # Where a segment's values lie, less where they go: constant within a segment.
    positions = np.repeat(starts_G.take(index_H) - (ends_H - lengths_H), lengths_H)
    positions += np.arange(len(positions))
    return values_V.take(positions), lengths_H


def transposition(first: int, second: int) -> Ints:
    """Index (first·second) that brings segments stored as (first, second) into the order (second, first)."""
    return np.arange(first * second).reshape(first, second).T.reshape(-1)
