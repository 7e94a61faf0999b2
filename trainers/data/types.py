"""What the type of an Arrow column means, and whether columns of several files mean the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from trainers.spec import SpecError

TEXT, INTEGERS, NUMBERS = "text", "integers", "numbers"


def is_text(kind: pa.DataType) -> bool:
    """Strings and bytes of any layout, plain or dictionary-encoded."""
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    return bool(
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_string_view(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_binary_view(kind)
        or pt.is_fixed_size_binary(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    return bool(
        pt.is_list(kind)
        or pt.is_large_list(kind)
        or pt.is_fixed_size_list(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
    )


def is_whole(kind: pa.DataType) -> bool:
    """Integers and booleans, plain or dictionary-encoded."""
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    return bool(pt.is_integer(kind) or pt.is_boolean(kind) or pt.is_null(kind))


def is_number(kind: pa.DataType) -> bool:
    return is_whole(kind) or bool(pt.is_floating(kind) or pt.is_decimal(kind))


def _item(kind: Any) -> pa.DataType:
    """The type of a list's items; pyarrow's stubs know it of no `DataType`."""
    item: pa.DataType = kind.value_type
    return item


@lru_cache(maxsize=1024)
def meaning(kind: pa.DataType) -> str | None:
    """What values of a type are, whatever their width and layout; None for a column of nulls alone.

    Example:
        >>> meaning(pa.int8()), meaning(pa.dictionary(pa.int32(), pa.string())), meaning(pa.list_(pa.float32()))
        ('integers', 'text', 'lists of numbers')
    """
    if pt.is_null(kind):
        return None
    if is_list(kind):
        return f"lists of {meaning(_item(kind)) or NUMBERS}"
    if is_text(kind):
        return TEXT
    if is_whole(kind):
        return INTEGERS
    return NUMBERS if is_number(kind) else str(kind)


def type_problems(schemas: Mapping[str, pa.Schema], columns: Iterable[str]) -> dict[str, str]:
    """By column, a line for each whose values mean one thing in one file and another in another.

    Integers and text of the same digits are hashed to different rows of a table. Integers and floats are the same
    numbers; a feature that can't take both says so itself.

    Args:
        schemas: by the file's path.
        columns: to compare, where a schema has them.
    """
    first: dict[str, tuple[str, pa.DataType]] = {}
    problems: dict[str, str] = {}
    wanted = set(columns)
    for path, schema in schemas.items():
        for name, kind in zip(schema.names, schema.types, strict=True):
            if name not in wanted or name in problems or meaning(kind) is None:
                continue
            other, its = first.setdefault(name, (path, kind))
            if _as_number(meaning(kind)) != _as_number(meaning(its)):
                problems[name] = (
                    f"dataset: column {name!r} is {its} in {other} and {kind} in {path}; "
                    "the same value means another thing in each: write the column in one type"
                )
    return problems


def _as_number(found: str | None) -> str | None:
    return None if found is None else found.replace(INTEGERS, NUMBERS)


def mixture(kind: pa.DataType, *, ids: bool) -> str | None:
    """Which of the types that hold numbers it is, where mixing them is seldom meant; None for nulls and for text.

    Integers and floats are one: a column of integers with a null is often written as floats.

    Args:
        ids: whether integers are hashed, so that one beyond 63 bits and its negative twin are two ids.
    """
    kind = _item(kind) if is_list(kind) else kind
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    if pt.is_null(kind) or not is_number(kind):
        return None
    if pt.is_boolean(kind):
        return "booleans"
    if pt.is_decimal(kind):
        return "decimals"
    return "unsigned 64 bits" if ids and pt.is_uint64(kind) else NUMBERS


def writing_remedy(kind: pa.DataType, wanted: str) -> str:
    """What an author of files can do about a column of a type that isn't read, to make it `wanted`."""
    if is_list(kind):
        if is_list(_item(kind)):
            return f"write one flat list of {wanted} a row"
        return f"in its lists, {writing_remedy(_item(kind), wanted)}"
    if pt.is_temporal(kind) or pt.is_interval(kind):
        return f"write it as {wanted} when you write the file, such as the days or seconds since 1970"
    if pt.is_map(kind):
        return f"write its keys, or its values, as a column of their own: a list of {wanted}"
    if pt.is_struct(kind):
        return f"write the fields that matter as columns of their own, of {wanted}"
    return f"cast it to {wanted} when you write the file"


def cast_alike(arrays: list[Any], name: str, paths: Sequence[str]) -> list[Any]:
    """Chunked columns of one meaning in one type. Raises SpecError, with the file of each type, where there is none."""
    kinds = {array.type: path for array, path in reversed(list(zip(arrays, paths, strict=True)))}
    if len(kinds) == 1:
        return arrays
    try:
        kind = _common_type(kinds)
        return [_cast(array, kind) for array in arrays]
    except (pa.ArrowException, TypeError) as error:
        where = " and ".join(sorted(f"{kind} in {path}" for kind, path in kinds.items()))
        raise SpecError(f"dataset: column {name!r} is {where} ({error}); write the column in one type") from None


def _common_type(kinds: Collection[pa.DataType]) -> pa.DataType:
    known = [kind for kind in kinds if not pt.is_null(kind)]
    if known and all(map(is_list, known)):
        return pa.large_list(_common_type({_item(kind) for kind in known}))
    if known and all(map(is_text, known)):
        return pa.large_binary()
    if all(map(is_whole, known)):
        return pa.uint64() if all(map(pt.is_uint64, known)) and known else pa.int64()
    if all(map(is_number, known)):
        return pa.float64()
    raise TypeError("no type holds them all")


def _cast(array: Any, kind: pa.DataType) -> Any:
    """Dictionaries become plain first: Arrow casts them to their own values' type alone."""
    if pt.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    elif is_list(array.type) and pt.is_dictionary(array.type.value_type):
        array = array.cast(pa.large_list(array.type.value_type.value_type))
    return array.cast(kind, safe=not pt.is_float64(kind))
