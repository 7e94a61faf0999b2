"""Dense features whose columns look like ids: a model would read the number of a user or of a shop as a quantity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.decode import Decoder

# More different values than a scale of grades has.
FEW_VALUES = 20
WORDS = ("id", "ids", "uid", "guid", "uuid", "key", "code", "sku", "zip", "zipcode", "postcode", "hash")
WORD = re.compile(rf"(^|[^a-z])({'|'.join(WORDS)})$", re.IGNORECASE)
CAPITAL = re.compile(r"[a-z0-9]I[dD]$")  # userId, userID


def id_warnings(decoder: Decoder, table: pa.Table, rows: str) -> Iterator[str]:
    """A line for each dense feature of whole numbers whose column has an id's name.

    Args:
        decoder: of the spec.
        table: training rows that have the decoder's dense columns.
        rows: which rows they are, in words.
    """
    for feature, numbers_Nd in decoder.raw_dense(table):
        if feature.dim > 1 or not has_name_of_id(feature.source):
            continue
        distinct = count_whole(numbers_Nd)
        if distinct > FEW_VALUES:
            whole = pa.types.is_integer(table.column(feature.source).type)
            cast = "" if whole else ", and write the column as integers"
            yield (
                f"feature {feature.name!r}: column {feature.source!r} has the name of an id and {distinct:,} "
                f"different whole numbers in {rows}, and `kind: dense` reads them as quantities; if they are ids, "
                f"declare it `kind: categorical`{cast}"
            )


def count_whole(numbers: NDArray[Any]) -> int:
    """How many different numbers there are, where all are whole; 0 otherwise."""
    value_U = np.unique(numbers)
    return len(value_U) if (value_U == np.floor(value_U)).all() else 0


def has_name_of_id(column: str) -> bool:
    """Whether the name says that values are ids.

    Example:
        >>> [has_name_of_id(name) for name in ("user_id", "shopID", "zip", "paid", "paid_usd", "id")]
        [True, True, True, False, False, True]
    """
    return WORD.search(column) is not None or CAPITAL.search(column) is not None
