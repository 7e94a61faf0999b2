"""Features that are one value to the model in every training row looked at: they have nothing to give.

Shapes: N rows, d numbers of a dense feature, V ids of N rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from trainers.data.columns import single_array
from trainers.data.copies import FIRST_ROWS
from trainers.data.decode import Decoder
from trainers.data.ids import decode_ids, decode_lists
from trainers.data.source import Source
from trainers.data.spread import MANY_GROUPS, spread_ranges
from trainers.spec import FeatureSpec, JobSpec

# Training rows that are looked at where the first ones have one value.
LOOKED_ROWS = 2**20


def find_constants(spec: JobSpec, train: Source) -> frozenset[str]:
    """Names of features with one value in up to LOOKED_ROWS rows from all over the training rows. Nulls are defaults,
    and ids that share a row of their table are one. Raises SpecError.
    """
    suspects: list[FeatureSpec] = list(spec.features)
    first: dict[str, tuple[Any, ...]] = {}
    for start, stop in [(0, min(FIRST_ROWS, train.rows)), *spread_ranges(train, LOOKED_ROWS, MANY_GROUPS)]:
        if not suspects:
            break
        decoder = Decoder(spec.model_copy(update={"features": tuple(suspects)}))
        table = train.read(list(dict.fromkeys(feature.source for feature in suspects)), start, stop)
        for name, value in _values(decoder, table):
            if value is None or first.setdefault(name, value) != value:
                suspects = [feature for feature in suspects if feature.name != name]
    return frozenset(feature.name for feature in suspects)


def _values(decoder: Decoder, table: pa.Table) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
    """Feature name, and the value that all rows have; None where they differ."""
    for dense, numbers_Nd in decoder.raw_dense(table):
        yield dense.name, tuple(numbers_Nd[0].tolist()) if (numbers_Nd == numbers_Nd[:1]).all() else None
    for single in decoder.single:
        ids_N = decode_ids(single, single_array(table.column(single.source)))
        yield single.name, (int(ids_N[0]),) if (ids_N == ids_N[:1]).all() else None
    for several in decoder.several:
        ids_V, lengths_N = decode_lists(several, single_array(table.column(several.source)))
        length = int(lengths_N[0])
        same = (lengths_N == length).all() and (ids_V.reshape(-1, max(1, length)) == ids_V[:length]).all()
        yield several.name, tuple(ids_V[:length].tolist()) if same else None
