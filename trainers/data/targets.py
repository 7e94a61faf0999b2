"""Arrow columns of label, group and weight → arrays.

Shapes: N rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.bad_values import BadRows, BadValuesError
from trainers.data.columns import floats, integers, text_hashes
from trainers.data.types import is_number, is_text, is_whole
from trainers.metrics.clusters import NULL_GROUP
from trainers.spec import SpecError


def decode_label(column: str, array: Any) -> NDArray[np.float32]:
    """(N,) float32, 0 or 1, from booleans, ints or floats. Raises SpecError."""
    numbers_N = floats(array, 0.0) if is_number(array.type) else None
    if numbers_N is None:
        raise SpecError(f"dataset.label: column {column!r} is {array.type}; write it as 0 and 1")
    subject, problems = f"dataset.label: column {column!r}", []
    if nulls := array.null_count:
        remedy = "fill them with 0 or 1, or leave these rows out"
        problems.append(BadRows(subject=subject, found="nulls", bad=nulls, rows=len(array), remedy=remedy))
    wrong_N = (numbers_N != 0) & (numbers_N != 1)
    if wrong := int(wrong_N.sum()):
        found = f"values other than 0 and 1, such as {array[int(wrong_N.argmax())].as_py()!r},"
        remedy = "a label is 0 or 1, write it so"
        problems.append(BadRows(subject=subject, found=found, bad=wrong, rows=len(array), remedy=remedy))
    if problems:
        raise BadValuesError(*problems)
    return numbers_N.astype(np.float32)


def decode_group(column: str, array: Any) -> NDArray[np.int64]:
    """(N,) int64: ints as they are, strings by xxh64. Raises SpecError."""
    if is_text(array.type):
        return text_hashes(array, NULL_GROUP % 2**64).view(np.int64)
    if not is_whole(array.type):
        raise SpecError(f"dataset.group: column {column!r} is {array.type}; a group is an int or a string, cast it")
    unsigned = pa.types.is_uint64(array.type)
    numbers_N = integers(array, NULL_GROUP % 2**64 if unsigned else NULL_GROUP)
    return numbers_N.view(np.int64)


def decode_weight(column: str, array: Any) -> NDArray[np.float64]:
    """(N,) as the column has them, finite and not negative. Raises SpecError."""
    if not is_number(array.type):
        raise SpecError(f"dataset.weight: column {column!r} is {array.type}; write it as numbers")
    numbers_N = floats(array, float("nan"))
    wrong_N = ~np.isfinite(numbers_N) | (numbers_N < 0)
    if wrong := int(wrong_N.sum()):
        value = array[int(wrong_N.argmax())].as_py()
        raise BadValuesError(
            BadRows(
                subject=f"dataset.weight: column {column!r}",
                found="nulls" if value is None else f"weights such as {value!r}",
                bad=wrong,
                rows=len(array),
                remedy="a weight is a finite number ≥ 0, correct it, or leave these rows out",
            )
        )
    return numbers_N.astype(np.float64)
