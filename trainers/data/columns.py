"""What every decoder does to an Arrow column first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from trainers.spec import SpecError

HASH_SEED = 0x57494E4E
"""Seed of xxh64 for string ids and groups. Constant: ids of one training must mean the same in the next."""

LONGEST_TYPE = 100  # characters; a struct's names all its fields


def single_array(column: Any) -> Any:
    """A chunked column as one array."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def decode_dictionary(array: Any) -> Any:
    """A dictionary-encoded array as a plain one."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def numbers_of(array: Any, fill: float = 0) -> NDArray[Any]:
    """An array of ints or floats, nulls as `fill`; without nulls it shares Arrow's read-only memory.

    Arrow's own `to_numpy`, and `fill_null` and `array` too, import pandas where there is one, which takes longer than
    to decode a small data set.
    """
    if not array.null_count:
        return np.from_dlpack(array)
    unmasked = pa.Array.from_buffers(array.type, len(array), [None, array.buffers()[1]], offset=array.offset)
    numbers = np.from_dlpack(unmasked)
    return np.where(flags_of(array.is_valid()), numbers, np.asarray(fill, numbers.dtype))


def take_rows(table: pa.Table, index_N: NDArray[np.int64]) -> pa.Table:
    """Rows of a table by their numbers, copied. Given an array of numpy's, Arrow's `take` would import pandas."""
    index_N = np.ascontiguousarray(index_N, np.int64)
    table = table.cast(pa.schema([field.with_type(without_views(field.type)) for field in table.schema]))
    return table.take(pa.Array.from_buffers(pa.int64(), len(index_N), [None, pa.py_buffer(index_N.data)]))


def without_views(kind: pa.DataType) -> pa.DataType:
    """The type of the same values without string views, which Arrow's `take` doesn't know."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind):
        return pa.list_(without_views(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(without_views(kind.value_type))
    return kind


def flags_of(array: Any) -> NDArray[np.bool_]:
    """Booleans without nulls."""
    return np.from_dlpack(array.cast(pa.uint8())).view(np.bool_)


def integers(array: Any, fill: int) -> NDArray[Any]:
    """Integers or booleans, nulls as `fill`, in int64 or uint64."""
    array = decode_dictionary(array)
    kind = pa.uint64() if pa.types.is_uint64(array.type) else pa.int64()
    return numbers_of(array.cast(kind), fill)


def floats(array: Any, fill: float) -> NDArray[Any]:
    """Numbers or booleans, nulls as `fill`: float32 where the column has no more digits, float64 otherwise."""
    array = decode_dictionary(array)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    small = pa.types.is_float16(array.type) or pa.types.is_float32(array.type)
    return numbers_of(array.cast(pa.float32() if small else pa.float64(), safe=False), fill)


def hash_text(text: str | bytes) -> int:
    """xxh64 of the UTF-8 bytes, with the recorded seed."""
    return xxhash.xxh64_intdigest(text.encode() if isinstance(text, str) else text, HASH_SEED)


def text_hashes(array: Any, fill: int) -> NDArray[np.uint64]:
    """xxh64 of strings or bytes, nulls as `fill`; each distinct value is hashed once."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    words = encoded.dictionary
    unique = np.empty(len(words) + 1, np.uint64)
    unique[-1] = fill
    unique[:-1] = [hash_text(word) for word in words.cast(pa.large_binary()).to_pylist()]
    positions = numbers_of(encoded.indices.cast(pa.int64()), len(words))
    hashes: NDArray[np.uint64] = unique[positions]
    return hashes


def refuse_type(*, name: str, column: str, kind: pa.DataType, remedy: str) -> SpecError:
    """The error for a column whose type the feature can't be read from."""
    written = str(kind)
    written = written if len(written) <= LONGEST_TYPE else f"{written[:LONGEST_TYPE]}…"
    return SpecError(f"feature {name!r}: column {column!r} is {written}; {remedy}")
