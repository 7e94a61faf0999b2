"""Arrow columns of categorical features → table rows.

Shapes: N rows, V ids of a list column.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainers.data.bad_values import BadRows, BadValuesError
from trainers.data.columns import flags_of, hash_text, integers, numbers_of, refuse_type, text_hashes
from trainers.data.types import is_list, is_number, is_text, is_whole, writing_remedy
from trainers.spec import CategoricalFeature, MultiCategoricalFeature, SpecError

IDS = "integers or strings"
OUTSIDE = "raise `hash_size`, correct the data, or set `ids: hashed`"

Ids = NDArray[np.int64]
Feature = CategoricalFeature | MultiCategoricalFeature


def decode_ids(feature: CategoricalFeature, array: Any) -> Ids:
    """A categorical feature of N rows, (N,) int64, rows of its table; nulls take the default. Raises SpecError."""
    if is_list(array.type):
        remedy = "the spec says one id per row; "
        of_ids = _has_ids(array.type.value_type)
        remedy += "declare it `kind: multi_categorical`, or write one id" if of_ids else "write one integer or string"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    ids_N = _table_rows(feature, array)
    if array.null_count:
        return np.where(flags_of(array.is_valid()), ids_N, default_id(feature))
    return ids_N


def decode_lists(feature: MultiCategoricalFeature, array: Any) -> tuple[Ids, Ids]:
    """A list feature of N rows: (V,) ids in [0, hash_size) and (N,) lengths, int64.

    A null list is an empty one; null items are dropped. Raises SpecError.
    """
    if pa.types.is_null(array.type):
        array = array.cast(pa.list_(pa.int64()))
    if not is_list(array.type):
        remedy = "the spec says a list of ids; "
        remedy += "declare it `kind: categorical`, or write lists" if _has_ids(array.type) else f"write lists of {IDS}"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    if not _has_ids(array.type.value_type):
        remedy = f"ids are integers or strings; {writing_remedy(array.type, IDS)}"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    items = array.flatten()
    if items.null_count:
        owners = pc.list_parent_indices(array).filter(items.is_valid())
        lengths_N = np.bincount(numbers_of(owners), minlength=len(array)).astype(np.int64)
        items = items.drop_null()
    else:
        lengths_N = numbers_of(pc.list_value_length(array).cast(pa.int64()))
    return _table_rows(feature, items, lengths_N), lengths_N


def hash_values(array: Any) -> NDArray[Any]:
    """What a table's size is taken modulo: xxh64 of strings, integers as they are. Nulls are any number."""
    return text_hashes(array, 0) if is_text(array.type) else integers(array, 0)


def default_id(feature: CategoricalFeature) -> int:
    """The table row that stands for null: the default's, or the last one, which no value has.

    Raises:
        SpecError: the default lies outside a checked table.
    """
    default = feature.default
    if default is None:
        return feature.hash_size
    if isinstance(default, str):
        if feature.ids == "checked":
            raise SpecError(
                f"feature {feature.name!r}: default {default!r} is a string, and `ids: checked` takes ints; "
                "give an int, or set `ids: hashed`"
            )
        return hash_text(default) % feature.hash_size
    if feature.ids == "checked" and not 0 <= default < feature.hash_size:
        raise SpecError(
            f"feature {feature.name!r}: `default` has id {default}, outside [0, {feature.hash_size}); {OUTSIDE}"
        )
    return default % feature.hash_size


def _table_rows(feature: Feature, array: Any, lengths_N: Ids | None = None) -> Ids:
    """Ids of a flat array; those of nulls are any row. `lengths_N` says how many of them each row of a list has."""
    if is_text(array.type) and feature.ids == "checked":
        remedy = "`ids: checked` takes ints; set `ids: hashed`, or write ints"
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    if not _has_ids(array.type):
        remedy = f"ids are integers or strings; {writing_remedy(array.type, IDS)}"
        remedy += ", or declare it `kind: dense` if it holds quantities" if is_number(array.type) else ""
        raise refuse_type(name=feature.name, column=feature.source, kind=array.type, remedy=remedy)
    numbers = hash_values(array)
    if feature.ids == "checked":
        _check_range(feature, numbers, lengths_N)
    elif len(numbers) and (numbers.min() < 0 or numbers.max() >= feature.hash_size):
        numbers = numbers % numbers.dtype.type(feature.hash_size)
    return numbers.astype(np.int64, copy=False)


def _has_ids(kind: pa.DataType) -> bool:
    return is_text(kind) or is_whole(kind)


def _check_range(feature: Feature, numbers: NDArray[Any], lengths_N: Ids | None) -> None:
    outside = (numbers < 0) | (numbers >= feature.hash_size)
    if not outside.any():
        return
    bad, rows = int(outside.sum()), len(numbers)
    if lengths_N is not None:
        owners = np.repeat(np.arange(len(lengths_N)), lengths_N)
        bad, rows = len(np.unique(owners[outside])), len(lengths_N)
    raise BadValuesError(
        BadRows(
            subject=f"feature {feature.name!r}: column {feature.source!r}",
            found=f"ids outside [0, {feature.hash_size}), such as {int(numbers[outside.argmax()])},",
            bad=bad,
            rows=rows,
            remedy=OUTSIDE,
        )
    )
