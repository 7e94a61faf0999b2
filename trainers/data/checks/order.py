"""Whether the training rows are sorted by their label, or by something that it goes with.

Shapes: T tenths of the rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trainers.data.checks.value_check import locating
from trainers.data.columns import single_array
from trainers.data.source import Source
from trainers.data.targets import decode_label
from trainers.spec import DatasetSpec, JobSpec

TENTHS = 10
# Rows of a tenth whose labels are read.
SAMPLED_ROWS = 2**11
LEAST_ROWS = 30
FAR = 6.0


def order_warning(spec: JobSpec, source: Source) -> str | None:
    """What to say where the share of positives differs much between the first rows and the last.

    A worker reads its own range of the rows, and shuffles `training.shuffle_rows` of them together: where that is all
    of them, their order does no harm.
    """
    workers, window = spec.scaling.workers, spec.training.shuffle_rows
    if workers == 1 and source.rows <= window:
        return None
    share_T, rows = _shares(spec.dataset, source)
    if rows < LEAST_ROWS:
        return None
    third = TENTHS // 3
    first, last, base = float(share_T[:third].mean()), float(share_T[-third:].mean()), float(share_T.mean())
    variance = base * (1 - base)
    # A difference under p (1 − p) does little harm.
    if abs(last - first) <= max(variance, FAR * math.sqrt(2 * variance / (third * rows))):
        return None
    tenths = ", ".join(f"{share:.1%}" for share in share_T)
    each = f"{workers} workers read ranges of their own and shuffle" if workers > 1 else "training shuffles"
    return (
        f"dataset.train: the share of label 1 goes from {first:.1%} in the first third of the rows to {last:.1%} in "
        f"the last (by tenths: {tenths}), and {each} {window:,} rows together: write the rows in random order, or "
        "raise training.shuffle_rows"
    )


def _shares(dataset: DatasetSpec, source: Source) -> tuple[NDArray[np.float64], int]:
    """Share of positives by tenth (T), and the rows read of each."""
    rows = min(SAMPLED_ROWS, source.rows // TENTHS)
    share_T = np.zeros(TENTHS)
    for tenth in range(TENTHS if rows else 0):
        start = source.rows * tenth // TENTHS
        with locating(dataset, (), source, [(start, start + rows)]):
            array = single_array(source.read([dataset.label], start, start + rows).column(dataset.label))
            share_T[tenth] = decode_label(dataset.label, array).mean()
    return share_T, rows
