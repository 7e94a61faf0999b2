"""Cutting train, validation and test out of one data set by a seeded hash of the row number."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainers.spec import SplitSpec

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The mixing function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), elementwise.

    Example:
        >>> hex(int(splitmix64(np.zeros(1, np.uint64))[0]))
        '0xe220a8397b1dcdaf'
    """
    with np.errstate(over="ignore"):
        z = x + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def split_of_rows(start: int, stop: int, splits: SplitSpec) -> NDArray[np.int8]:
    """For global rows [start, stop): the position in SPLITS of the split each belongs to.

    A row's split depends on its number and the seed alone, so any process finds it without a table of rows.
    """
    seed = splitmix64(np.array([splits.seed % 2**64], np.uint64))
    with np.errstate(over="ignore"):
        mixed = splitmix64(seed + np.arange(start, stop, dtype=np.uint64) * _GOLDEN)
    uniform: NDArray[Any] = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    held_out = (uniform < splits.test + splits.validation).astype(np.int8)
    return held_out + (uniform < splits.test)
