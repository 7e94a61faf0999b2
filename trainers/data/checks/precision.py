"""What float32 loses of a dense feature, and numbers that are far from what networks learn from.

Shapes: N rows, d dims of one feature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainers.data.columns import take_rows
from trainers.data.decode import Decoder
from trainers.data.dense import standardize
from trainers.data.jitter import jittered
from trainers.data.statistics import Statistics
from trainers.spec import DenseFeature

# Numbers of a feature that are compared.
COMPARED = 2**14
LEAST_ROWS = 256
# Root mean squares beyond which numbers that aren't standardized keep a network from learning.
SMALL, LARGE = 1e-3, 100.0


def precision_warnings(decoder: Decoder, table: pa.Table, statistics: Statistics) -> list[str]:
    """A line for each dense feature whose values vary and become equal on their way to the model, or that stays as it
    is though its values are far from 1.

    Args:
        decoder: of the spec.
        table: training rows that have the decoder's dense columns.
        statistics: what the features are standardized by.
    """
    warnings = []
    replace = decoder.dataset.non_finite == "replace"
    for feature, numbers_Nd in decoder.raw_dense(table):
        chosen_N = jittered(len(numbers_Nd), max(LEAST_ROWS, COMPARED // feature.dim))
        some_Nd, columns = numbers_Nd[chosen_N], statistics.columns[feature.name]
        flat_d = statistics.constant_D[columns] & (numbers_Nd != numbers_Nd[:1]).any(0)
        if flat_d.any():
            warnings.append(_counts_as_constant(feature, numbers_Nd[:, flat_d.argmax()]))
            continue
        found_Nd = standardize(feature, some_Nd, statistics.of(feature.name), replace=replace)
        before_d = _distinct(some_Nd)
        if pa.types.is_integer(table.column(feature.source).type):  # It may have more digits than float64.
            column = take_rows(table.select([feature.source]), chosen_N).column(0)
            before_d = np.maximum(before_d, pc.count_distinct(column).as_py())
        after_d = _distinct(found_Nd)
        # Of a few values most are lost, or two have become one.
        kept_d = np.where(after_d > 1, 2 * after_d, 1)
        at = int((before_d - kept_d).argmax())
        if before_d[at] > kept_d[at]:
            warnings.append(_loses_values(feature, len(some_Nd), int(before_d[at]), int(after_d[at])))
        elif feature.normalize == "none" and (line := _far_from_one(feature, some_Nd)):
            warnings.append(line)
    return warnings


def _distinct(numbers_Nd: NDArray[Any]) -> NDArray[np.int64]:
    """Distinct values of each column (d)."""
    ordered_Nd = np.sort(numbers_Nd, 0)
    count_d: NDArray[np.int64] = (ordered_Nd[1:] != ordered_Nd[:-1]).sum(0) + 1
    return count_d


def _counts_as_constant(feature: DenseFeature, numbers_N: NDArray[Any]) -> str:
    with np.errstate(over="ignore", invalid="ignore"):
        wide_N = numbers_N.astype(np.float64)
        spread = f"{wide_N.std():.2g} around {wide_N.mean():.2g}"
    return (
        f"feature {feature.name!r}: column {feature.source!r} deviates by {spread}, a scale that float32 doesn't hold: "
        "it counts as constant; write it in another unit, or as its distance from a fixed number"
    )


def _far_from_one(feature: DenseFeature, numbers_Nd: NDArray[Any]) -> str | None:
    """What to say of a column that isn't standardized and needs it, the first of a vector; None where none does."""
    wide_Nd = numbers_Nd.astype(np.float64)
    mean_d, std_d = wide_Nd.mean(0), wide_Nd.std(0)
    size_d = np.hypot(mean_d, std_d)
    far_d = (size_d > LARGE) | ((size_d < SMALL) & (std_d > 0))
    if not far_d.any():
        return None
    at = int(far_d.argmax())
    return (
        f"feature {feature.name!r}: column {feature.source!r} has a mean of {mean_d[at]:.3g} and a deviation of "
        f"{std_d[at]:.3g}, and `normalize: none` leaves them so: networks learn from numbers near 1; let it be "
        "standardized, or write it in another unit"
    )


def _loses_values(feature: DenseFeature, rows: int, before: int, after: int) -> str:
    remedy = "or let it be standardized" if feature.normalize == "none" else "or clip its extreme values"
    return (
        f"feature {feature.name!r}: {before} distinct values of column {feature.source!r} in {rows:,} training rows "
        f"become {after} in float32; write the column as its distance from a fixed number, {remedy}"
    )
