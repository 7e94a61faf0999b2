"""Weights of rows: how many rows they leave, and what floats hold of them.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.data.bad_values import BadRows, BadValuesError
from trainers.metrics.clusters import SMALLEST, effective_rows
from trainers.spec import SpecError

# Under this share of the rows with weight, few rows decide.
LEAST_EFFECTIVE = 0.1


def check_mean(column: str, mean: float) -> None:
    """Raises SpecError where weights can't be divided by their mean; 0 is left to the caller."""
    if not np.isfinite(mean):
        raise SpecError(
            f"dataset.weight: column {column!r} adds up beyond float64; divide all weights by one large number: only "
            "their ratios count"
        )
    if 0 < mean < SMALLEST:
        raise SpecError(
            f"dataset.weight: column {column!r} has a mean of {mean:g}, too small for float64 to keep its digits; "
            "multiply all weights by one large number: only their ratios count"
        )


def scale_weights(column: str, weight_N: NDArray[np.float64], mean: float) -> NDArray[np.float32]:
    """Weights over the mean of the training rows', float32. Raises SpecError where one is beyond float32."""
    with np.errstate(over="ignore"):
        scaled_N = (weight_N / mean).astype(np.float32)
    if not np.isfinite(scaled_N).all():
        raise BadValuesError(
            BadRows(
                subject=f"dataset.weight: column {column!r}",
                found=f"weights too large for float32 once divided by the training rows' mean, {mean:g}, such as "
                f"{weight_N.max():g},",
                bad=int((~np.isfinite(scaled_N)).sum()),
                rows=len(scaled_N),
                remedy="clip them, or write all weights in one unit",
            )
        )
    return scaled_N


def weight_warning(column: str, split: str, weight_N: NDArray[np.float64]) -> str | None:
    """What to say where few of the rows carry nearly all of the weight."""
    weighted, effective = int((weight_N > 0).sum()), effective_rows(weight_N)
    if effective >= LEAST_EFFECTIVE * weighted:
        return None
    return (
        f"dataset.weight: column {column!r} lets {weighted} rows of {split} count like {effective:.3g} of one weight "
        f"(the largest is {weight_N.max():g}, their median {np.median(weight_N[weight_N > 0]):g}); clip the largest, "
        "or check their unit"
    )
