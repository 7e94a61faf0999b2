"""How many ids of a feature share a row of its table, and the table that would keep them apart.

Rows at hand may be a sample. All rows have more values, and more of these share a row of the table: how many values
there are is estimated from how many occur once and twice.

Shapes: U distinct values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.columns import decode_dictionary, numbers_of, without_views
from trainers.data.ids import hash_values
from trainers.data.types import is_list, is_text
from trainers.spec import CategoricalFeature, MultiCategoricalFeature

# Above this share of values that share a row, a table is small.
LIMIT = 0.05
LARGEST_TABLE = 2**40


@dataclass(frozen=True, kw_only=True)
class Collisions:
    """Of the `distinct` values at hand, and of all values, about `total`, of which `share` has a row of the table
    together with another one.

    `hash_size` is the size at which that share is under LIMIT; None where it is already.
    """

    distinct: int
    share: float
    hash_size: int | None
    total: int


def count_collisions(
    feature: CategoricalFeature | MultiCategoricalFeature, array: Any, times: float = 1.0
) -> Collisions:
    """Of a column's distinct values, nulls left out. `ids: checked` has none: its ids are rows.

    Args:
        feature: of the column.
        array: its rows at hand.
        times: how many times as many there are in all.
    """
    column = decode_dictionary(array.flatten() if is_list(array.type) else array)
    # Arrow drops nulls of no view.
    counted = column.cast(without_views(column.type)).drop_null().value_counts()
    values, count_U = counted.field("values"), numbers_of(counted.field("counts"))
    distinct, whole = len(values), not is_text(values.type)
    if feature.ids == "checked":
        return Collisions(distinct=distinct, share=0.0, hash_size=None, total=distinct)
    numbers_U = hash_values(values)
    total = estimate_distinct(count_U, int(times * count_U.sum()))
    share = share_of_collisions(numbers_U, feature.hash_size)
    # Integers that lie close together have a row each, however many there are; all others are as if drawn by chance.
    apart = whole and distinct > 0 and int(numbers_U.max()) - int(numbers_U.min()) < feature.hash_size
    if total > distinct and not apart:
        share = max(share, -math.expm1(-(total - 1) / feature.hash_size))
    if share <= LIMIT:
        return Collisions(distinct=distinct, share=share, hash_size=None, total=total)
    size = _fitting_size(numbers_U, whole=whole)
    while total > distinct and size < LARGEST_TABLE and -math.expm1(-(total - 1) / size) > LIMIT:
        size *= 2
    return Collisions(distinct=distinct, share=share, hash_size=size, total=total)


def estimate_distinct(count_U: NDArray[np.int64], rows: int) -> int:
    """How many distinct values `rows` rows have, by how often each of a sample's occurs there; no fewer than it has.

    The bias-corrected estimator of Chao (1984, 2005), a lower bound: D + f₁ (f₁ − 1) / (2 (f₂ + 1)), of which f₁ occur
    once and f₂ twice; at most one more for each further row.

    Example:
        >>> estimate_distinct(np.array([1, 1, 1, 2, 5]), 1000), estimate_distinct(np.ones(9, np.int64), 20)
        (6, 20)
    """
    once, twice = int((count_U == 1).sum()), int((count_U == 2).sum())
    unseen = once * (once - 1) / (2 * (twice + 1))
    return len(count_U) + int(min(unseen, max(rows - int(count_U.sum()), 0)))


def fitting_table(values: Any) -> int:
    """The smallest power of two at which a table keeps nearly all of an Arrow array's distinct values apart."""
    return _fitting_size(hash_values(values), whole=False)


def collision_warning(name: str, hash_size: int, found: Collisions, rows: str) -> str | None:
    """What to tell of a feature, where much of it collides. `rows` says which were read."""
    if found.hash_size is None:
        return None
    values = f"its {found.distinct} distinct values in {rows}"
    if found.total > found.distinct:
        values = f"about {found.total:,} distinct values, estimated by {found.distinct:,} in {rows},"
    return (
        f"feature {name!r}: {found.share:.0%} of {values} share a row "
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
