"""How many ids of a feature share a row of its table, and the table that would keep them apart.

Shapes: U distinct values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.columns import decode_dictionary
from trainers.data.ids import hash_values
from trainers.data.types import is_list, is_text
from trainers.spec import CategoricalFeature, MultiCategoricalFeature

# Above this share of values that share a row, a table is small.
LIMIT = 0.05
LARGEST_TABLE = 2**40


@dataclass(frozen=True, kw_only=True)
class Collisions:
    """Of the `distinct` values at hand, which `share` has a row of the table together with another one.

    `hash_size` is the size at which that share is under LIMIT; None where it is already.
    """

    distinct: int
    share: float
    hash_size: int | None


def count_collisions(feature: CategoricalFeature | MultiCategoricalFeature, array: Any) -> Collisions:
    """Of a column's distinct values, nulls left out. `ids: checked` has none: its ids are rows."""
    values = decode_dictionary(array.flatten() if is_list(array.type) else array).unique().drop_null()
    if feature.ids == "checked":
        return Collisions(distinct=len(values), share=0.0, hash_size=None)
    numbers_U = hash_values(values)
    share = share_of_collisions(numbers_U, feature.hash_size)
    size = _fitting_size(numbers_U, whole=not is_text(values.type)) if share > LIMIT else None
    return Collisions(distinct=len(values), share=share, hash_size=size)


def fitting_table(values: Any) -> int:
    """The smallest power of two at which a table keeps nearly all of an Arrow array's distinct values apart."""
    return _fitting_size(hash_values(values), whole=False)


def collision_warning(name: str, hash_size: int, found: Collisions, rows: str) -> str | None:
    """What to tell of a feature, where much of it collides. `rows` says which were read."""
    if found.hash_size is None:
        return None
    return (
        f"feature {name!r}: {found.share:.0%} of its {found.distinct} distinct values in {rows} share a row "
        f"of their table with another (hash_size {hash_size}); hash_size {found.hash_size} keeps these apart"
    )


def share_of_collisions(numbers_U: NDArray[Any], hash_size: int) -> float:
    """Of values whose row is another's too."""
    if not len(numbers_U):
        return 0.0
    _, count = np.unique(numbers_U % numbers_U.dtype.type(hash_size), return_counts=True)
    return float(count[count > 1].sum() / len(numbers_U))


def _fitting_size(numbers_U: NDArray[Any], *, whole: bool) -> int:
    """One row an integer where they lie close together, else the power of two that hashes few of them together."""
    if whole and numbers_U.min() >= 0 and int(numbers_U.max()) < 8 * len(numbers_U):
        return int(numbers_U.max()) + 1
    size = 2
    while size < LARGEST_TABLE and (size < len(numbers_U) or share_of_collisions(numbers_U, size) > LIMIT):
        size *= 2
    return size
