"""Mean and standard deviation of the dense columns.

Shapes: N rows, D dense columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.decode import Decoder
from trainers.data.source import Source
from trainers.spec import JobSpec

Columns = NDArray[np.float64]

BLOCKS = 64
CONSTANT = 1e-9
"""A standard deviation under this share of the mean is rounding of a constant."""


@dataclass(frozen=True, kw_only=True)
class DenseStatistics:
    """Of the D dense columns, float64; a column that isn't to be standardized has mean 0 and deviation 1."""

    mean_D: Columns
    std_D: Columns


def statistics(source: Source, spec: JobSpec, max_rows: int = 1_000_000) -> DenseStatistics:
    """Population mean and deviation of the dense columns as the model reads them: nulls are defaults already.

    Args:
        source: the training rows.
        spec: whose dense features to measure.
        max_rows: where the source has more, evenly spaced blocks of this many rows in all stand for it.

    Returns:
        The same in every process. The deviation of a constant is 1, so that it standardizes to 0.
    """
    decoder = Decoder(spec)
    if not decoder.dense:
        return DenseStatistics(mean_D=np.zeros(0), std_D=np.ones(0))
    source.require(decoder.dense_columns)
    count, mean_D, squares_D = _accumulate(source, decoder, max_rows)
    std_D = np.sqrt(squares_D / count)
    raw_D = np.array([feature.normalize == "none" for feature in decoder.dense for _ in range(feature.dim)])
    constant_D = std_D <= CONSTANT * np.abs(mean_D)
    return DenseStatistics(
        mean_D=np.where(raw_D, 0.0, mean_D),
        std_D=np.where(raw_D | constant_D, 1.0, std_D),
    )


def _accumulate(source: Source, decoder: Decoder, max_rows: int) -> tuple[int, Columns, Columns]:
    """Rows, means and sums of squared deviations, block after block (Chan, Golub and LeVeque 1979, Eq. 2.1)."""
    width = sum(feature.dim for feature in decoder.dense)
    count, mean_D, squares_D = 0, np.zeros(width), np.zeros(width)
    for start, stop in _blocks(source.rows, max_rows):
        dense_ND = decoder.decode_dense(source.read(decoder.dense_columns, start, stop)).astype(np.float64)
        rows = len(dense_ND)
        block_D = dense_ND.mean(0)
        apart_D = block_D - mean_D
        count += rows
        mean_D = mean_D + apart_D * (rows / count)
        squares_D = squares_D + ((dense_ND - block_D) ** 2).sum(0) + apart_D**2 * (rows * (count - rows) / count)
    return max(count, 1), mean_D, squares_D


def _blocks(rows: int, max_rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows: BLOCKS of them that together cover all, or as much as `max_rows` allows."""
    size = -(-min(rows, max_rows) // BLOCKS)
    for block in range(BLOCKS):
        start = rows * block // BLOCKS
        stop = min(start + size, rows * (block + 1) // BLOCKS)
        if stop > start:
            yield start, stop
