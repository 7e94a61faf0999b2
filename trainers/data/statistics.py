"""What standardizes numbers and weights: the scales of the dense columns, the mean of the weights.

Shapes: N rows, n of them sampled, D dense columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.checks.value_check import locating
from trainers.data.columns import single_array
from trainers.data.decode import Decoder
from trainers.data.jitter import jittered
from trainers.data.scale import ROUNDING, Scale, compressing
from trainers.data.source import Source
from trainers.data.targets import decode_weight
from trainers.data.weights import check_mean
from trainers.spec import JobSpec, SpecError

Columns = NDArray[np.float64]

BLOCKS = 64
# Sampled rows of a block: at most so many, and of very many columns fewer.
SAMPLED, LEAST_SAMPLED, SAMPLED_CELLS = 2**10, 2**4, 2**16


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of training rows, by which dense features and weights are standardized.

    Attributes:
        dims: of the dense features, in the order of their columns.
        scale_D: of all columns; one that isn't to be standardized has mean 0 and deviation 1.
        constant_D: bool; columns that count as constant, whose deviation is 1.
        weight_mean: 1 where the spec names no weight. Weights are divided by it: multiplying all of them by a number
            changes nothing, whatever the penalty beside them.
    """

    dims: dict[str, int]
    scale_D: Scale
    constant_D: NDArray[np.bool_]
    weight_mean: float = 1.0

    def of(self, name: str) -> Scale:
        """The scale of a feature's columns."""
        return self.scale_D.of(self.columns[name])

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Which of the D columns are a feature's."""
        ends = np.cumsum(list(self.dims.values())).tolist()
        return {name: slice(end - dim, end) for (name, dim), end in zip(self.dims.items(), ends, strict=True)}


def statistics(source: Source, spec: JobSpec, max_rows: int = 1_000_000) -> Statistics:
    """Population mean and deviation of the dense columns, and mean of the weights: nulls are defaults already.

    Args:
        source: the training rows.
        spec: whose dense features and weight to measure.
        max_rows: where the source has more, evenly spaced blocks of this many rows in all stand for it.

    Returns:
        The same in every process; see `measure`.

    Raises:
        SpecError: data that doesn't fit the spec, or weights that are all 0.
    """
    decoder = Decoder(spec)
    columns = _measured_columns(decoder)
    source.require(columns)
    ranges = list(blocks(source.rows, max_rows)) if columns else []
    with locating(spec.dataset, spec.features, source, ranges):
        found = measure(decoder, (source.read(columns, start, stop) for start, stop in ranges))
    if decoder.dataset.weight is not None:
        check_mean(decoder.dataset.weight, found.weight_mean)
        if source.rows and not found.weight_mean:
            raise SpecError(
                f"dataset.weight: column {decoder.dataset.weight!r} has a mean of 0 over the training rows; give some "
                "rows a weight above 0"
            )
    return found


def measure(decoder: Decoder, tables: Iterable[pa.Table]) -> Statistics:
    """The statistics of some rows, in float64; a mean weight of 0 is left to the caller.

    A column counts as constant, and keeps its scale, where its deviation is that of rounding, or so small or so large
    that neither float32 nor float64 holds its scale.
    """
    features = decoder.dense
    count, mean_D, squares_D, weight, sample_nD = _accumulate(decoder, tables)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        std_D = np.sqrt(squares_D / max(count, 1))
        scale_D = (1 / std_D).astype(np.float32)
    constant_D = ~(np.isfinite(std_D) & np.isfinite(scale_D) & (std_D > ROUNDING * np.abs(mean_D)))
    ways = np.array([feature.normalize for feature in features for _ in range(feature.dim)], str)
    raw_D = ways == "none"
    plain = Scale(
        mean_D=np.where(raw_D | ~np.isfinite(mean_D), 0.0, mean_D), std_D=np.where(raw_D | constant_D, 1.0, std_D)
    )
    return Statistics(
        dims={feature.name: feature.dim for feature in features},
        scale_D=compressing(plain, sample_nD, (ways == "standardize") & ~constant_D),
        constant_D=constant_D & ~raw_D,
        weight_mean=1.0 if decoder.dataset.weight is None else weight / max(count, 1),
    )


def _measured_columns(decoder: Decoder) -> list[str]:
    weight = decoder.dataset.weight
    return list(dict.fromkeys([*decoder.dense_columns, *([weight] if weight else [])]))


def _accumulate(
    decoder: Decoder, tables: Iterable[pa.Table]
) -> tuple[int, Columns, Columns, float, NDArray[np.float64]]:
    """Rows, means, sums of squared deviations (Chan, Golub and LeVeque 1979, Eq. 2.1), the weights' sum, a sample."""
    width, name = sum(feature.dim for feature in decoder.dense), decoder.dataset.weight
    count, mean_D, squares_D, weight = 0, np.zeros(width), np.zeros(width), 0.0
    most, samples = max(LEAST_SAMPLED, min(SAMPLED, SAMPLED_CELLS // max(1, width))), [np.empty((0, width))]
    for table in tables:
        parts, rows = [numbers_Nd for _, numbers_Nd in decoder.raw_dense(table)], table.num_rows
        block_D, inner_D = _moments(parts)
        chosen_n = jittered(rows, most, seed=count)
        samples.append(np.concatenate([np.empty((len(chosen_n), 0)), *(each[chosen_n] for each in parts)], 1))
        count += rows
        with np.errstate(over="ignore", invalid="ignore"):
            apart_D = block_D - mean_D
            mean_D = mean_D + apart_D * (rows / count)
            squares_D = squares_D + inner_D + apart_D**2 * (rows * (count - rows) / count)
            if name is not None:
                # Overflow is told by check_mean.
                weight += float(decode_weight(name, single_array(table.column(name))).sum())
    return count, mean_D, squares_D, weight, np.concatenate(samples)


def _moments(parts: list[NDArray[Any]]) -> tuple[Columns, Columns]:
    """Mean and sum of squared deviations of each column."""
    means, squares = [np.empty(0)], [np.empty(0)]
    for numbers_Nd in parts:
        wide_Nd = numbers_Nd.astype(np.float64, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            means.append(wide_Nd.mean(0))
            squares.append(((wide_Nd - means[-1]) ** 2).sum(0))
    return np.concatenate(means), np.concatenate(squares)


def blocks(rows: int, max_rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows: BLOCKS of them that together cover all, or as much as `max_rows` allows."""
    size = -(-min(rows, max_rows) // BLOCKS)
    for block in range(BLOCKS):
        start = rows * block // BLOCKS
        stop = min(start + size, rows * (block + 1) // BLOCKS)
        if stop > start:
            yield start, stop
