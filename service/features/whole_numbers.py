"""Columns of whole numbers among proposals: neither a type nor a name says whether they are ids or quantities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.features.inference import Footers
from service.features.sample import batched
from trainers.data.checks.id_like import FEW_VALUES, count_whole
from trainers.data.columns import floats, single_array
from trainers.data.spread import read_spread
from trainers.spec import SpecError

SAMPLE_ROWS = 2**13
AS_IDS = (
    "whole numbers, proposed as ids, so that each has a vector of its own: where their size matters, as of an age or a "
    "count, choose kind: dense"
)
AS_QUANTITIES = (
    "whole numbers in a column of type {kind}, proposed as a quantity: if they are ids, write the column as integers "
    "and choose kind: categorical"
)


def whole_number_warnings(found: Footers, features: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """By the name of each proposal of more than FEW_VALUES different whole numbers, what to look at."""
    warnings = {}
    numbers: dict[str, str] = {}
    for each in features:
        name, column = each["name"], each["column"]
        kind = found.schema.field(column).type
        sampled = found.sampled.get(column)
        if each["kind"] == "categorical" and pa.types.is_integer(kind) and sampled and sampled.distinct > FEW_VALUES:
            warnings[name] = AS_IDS
        elif each["kind"] == "dense" and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            numbers[column] = name
    for column in _whole(found, list(numbers)):
        warnings[numbers[column]] = AS_QUANTITIES.format(kind=found.schema.field(column).type)
    return warnings


def _whole(found: Footers, columns: list[str]) -> list[str]:
    """Those with many different values, all of them whole, in rows from all over the files."""
    whole = []
    for some in batched(columns) if found.source.rows else ():
        try:
            table = read_spread(found.source, some, SAMPLE_ROWS)
        except (SpecError, OSError):
            continue  # The footers could be read; a check of the data says what is wrong with the rows.
        whole += [name for name in some if _is_whole(floats(single_array(table.column(name)), np.nan))]
    return whole


def _is_whole(numbers_N: NDArray[Any]) -> bool:
    return count_whole(numbers_N[np.isfinite(numbers_N)]) > FEW_VALUES
