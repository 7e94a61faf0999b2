"""Arrow columns of dense features → numbers.

Shapes: N rows, d dims of one feature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainers.data.bad_values import BadRows, BadValuesError
from trainers.data.columns import flags_of, floats, numbers_of, refuse_type
from trainers.data.scale import Scale
from trainers.data.types import is_list, is_number, is_text, is_whole, writing_remedy
from trainers.spec import DenseFeature, SpecError

# Numbers standardized together: few enough to stay in a core's cache.
BLOCK = 2**16
LARGEST = float(np.finfo(np.float32).max)
# Layers and their gradients square numbers and add them up.
LARGEST_TO_LEARN = 1e18


def decode_dense(feature: DenseFeature, array: Any, *, replace: bool) -> NDArray[Any]:
    """A dense feature of N rows, (N, d), with the column's digits: float32 or float64. Nulls take the default.

    Args:
        feature: the feature.
        array: its column, one Arrow array.
        replace: NaN and infinities take the default too; refused otherwise.

    Raises:
        SpecError: a type or a length that isn't the feature's, or numbers that aren't finite.
    """
    if pa.types.is_null(array.type) and feature.dim > 1:
        array = array.cast(pa.list_(pa.float32()))
    numbers_Nd = _vectors(feature, array) if is_list(array.type) else _scalars(feature, array)[:, None]
    finite_Nd = np.isfinite(numbers_Nd)
    if replace or finite_Nd.all():
        return _with_default(numbers_Nd, finite_Nd, feature.default)
    raise _bad(
        feature,
        "NaN or infinite values",
        ~finite_Nd.all(1),
        "clean them, or set `dataset.non_finite: replace` to read them as the default",
    )


def standardize(
    feature: DenseFeature, numbers_Nd: NDArray[Any], scale: Scale, *, replace: bool, largest: float = LARGEST_TO_LEARN
) -> NDArray[np.float32]:
    """By the feature's scale in float64, and only then float32: what a large offset hides keeps its digits.

    Raises:
        SpecError: numbers beyond `largest`, unless `replace` lets them take the default.
    """
    out_Nd = np.empty(numbers_Nd.shape, np.float32)
    rows = max(1, BLOCK // feature.dim)
    with np.errstate(over="ignore"):
        for start in range(0, len(out_Nd), rows):
            out_Nd[start : start + rows] = scale.apply(numbers_Nd[start : start + rows].astype(np.float64))
        default_d = scale.apply(np.full((1, feature.dim), feature.default, np.float64))[0].astype(np.float32)
    finite_Nd = np.abs(out_Nd) <= largest
    if replace or finite_Nd.all():
        return _with_default(out_Nd, finite_Nd, default_d)
    value = numbers_Nd[np.unravel_index(int(finite_Nd.argmin()), finite_Nd.shape)]
    when = "" if feature.normalize == "none" else " once standardized"
    raise _bad(
        feature,
        f"values too large for float32{when}, such as {value:g},",
        ~finite_Nd.all(1),
        "clip them, write the column in another unit, or set `dataset.non_finite: replace` to read them as the default",
    )


def _with_default(numbers_Nd: NDArray[Any], finite_Nd: NDArray[np.bool_], default: Any) -> NDArray[Any]:
    """The numbers themselves where all are finite, else with the default in place of the others."""
    return numbers_Nd if finite_Nd.all() else np.where(finite_Nd, numbers_Nd, np.asarray(default, numbers_Nd.dtype))


def check_dense_default(feature: DenseFeature) -> None:
    """Raises SpecError where float32 doesn't hold the default."""
    if abs(feature.default) > LARGEST:
        raise SpecError(
            f"feature {feature.name!r}: default {feature.default:g} is too large for float32, which holds numbers up "
            f"to {LARGEST:.2g}; give a smaller one"
        )


def _scalars(feature: DenseFeature, array: Any) -> NDArray[Any]:
    if not is_number(array.type):
        text = is_text(array.type)
        remedy = "declare it `kind: categorical`, or write numbers" if text else writing_remedy(array.type, "numbers")
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    if feature.dim > 1:
        remedy = f"a scalar has `dim: 1`, and the spec says {feature.dim}; correct `dim`, or write lists"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    return floats(array, feature.default)


def _vectors(feature: DenseFeature, array: Any) -> NDArray[Any]:
    if not is_number(array.type.value_type):
        remedy = "a dense vector is a list of numbers; "
        text = is_text(array.type.value_type)
        remedy += "declare it `kind: multi_categorical`" if text else writing_remedy(array.type, "numbers")
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    if feature.dim == 1:
        of_ids = ", or `kind: multi_categorical` for ids" if is_whole(array.type.value_type) else ""
        remedy = f"the spec says a scalar; set `dim` to the lists' length{of_ids}"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    _check_lengths(feature, array)
    flat = floats(array.flatten(), feature.default).reshape(-1, feature.dim)
    if not array.null_count:
        return flat
    numbers_Nd = np.full((len(array), feature.dim), feature.default, flat.dtype)
    numbers_Nd[flags_of(array.is_valid())] = flat
    return numbers_Nd


def _check_lengths(feature: DenseFeature, array: Any) -> None:
    lengths = numbers_of(pc.list_value_length(array).drop_null())
    wrong = lengths[lengths != feature.dim]
    if len(wrong):
        raise BadValuesError(
            BadRows(
                subject=_subject(feature),
                found=f"vectors of another length than {feature.dim}, such as {wrong[0]},",
                bad=len(wrong),
                rows=len(array),
                remedy="set `dim` to the vectors' length, or write vectors of one length",
            )
        )


def _bad(feature: DenseFeature, found: str, bad_N: Any, remedy: str) -> BadValuesError:
    return BadValuesError(
        BadRows(
            subject=_subject(feature), found=found, bad=int(np.count_nonzero(bad_N)), rows=len(bad_N), remedy=remedy
        )
    )


def _subject(feature: DenseFeature) -> str:
    return f"feature {feature.name!r}: column {feature.source!r}"
