"""A sample of one split's rows, as the files have them: what splits are compared by.

Shapes: n sampled rows, D dense columns, S categorical features, M list features, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainers.data.decode import Decoder
from trainers.data.jitter import jittered
from trainers.data.rows import Rows
from trainers.spec import DenseFeature

SAMPLE_ROWS = 2**13
# Rows times dense columns that are kept; of very many columns, fewer rows.
SAMPLE_CELLS = 2**22
LEAST_ROWS = 2**8

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SplitSample:
    """Of one split.

    Attributes:
        dense_nD: in the order of the decoder's dense features, with the digits that float64 keeps.
        rows: what else of the sampled rows was decoded; its own dense columns may be standardized.
        at_default: feature to the share of all rows at hand that are at its default; of lists, of empty ones.
        constant: features with one value in all rows at hand.
        total: rows at hand, of which the sample was taken.
    """

    dense_nD: Floats
    rows: Rows
    at_default: dict[str, float]
    constant: frozenset[str]
    total: int

    @classmethod
    def of(cls, decoder: Decoder, tables: Sequence[pa.Table], rows: Rows) -> SplitSample:
        """Of some tables' rows, and the same rows decoded."""
        most = max(LEAST_ROWS, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, sum(each.dim for each in decoder.dense))))
        chosen_n = jittered(len(rows), most)
        parts = [list(decoder.raw_dense(table)) for table in tables]
        dense, shares, constant = [np.empty((len(chosen_n), 0))], dict[str, float](), set[str]()
        for pieces in zip(*parts, strict=True):
            feature = pieces[0][0]
            numbers_Nd = pieces[0][1] if len(pieces) == 1 else np.concatenate([numbers for _, numbers in pieces])
            dense.append(numbers_Nd[chosen_n].astype(np.float64))
            shares[feature.name] = _share((numbers_Nd == np.asarray(feature.default, numbers_Nd.dtype)).all(1))
            if _is_constant(dense[-1]) and _is_constant(numbers_Nd) and not _has_more_digits(feature, tables):
                constant.add(feature.name)
        for name, share, same in _of_ids(decoder, rows):
            shares[name] = share
            constant |= {name} if same else set()
        return cls(
            dense_nD=np.concatenate(dense, 1),
            rows=rows.select(chosen_n),
            at_default=shares,
            constant=frozenset(constant),
            total=len(rows),
        )

    def __len__(self) -> int:
        return len(self.dense_nD)


def _of_ids(decoder: Decoder, rows: Rows) -> Iterator[tuple[str, float, bool]]:
    """Feature name, share at its default, and whether it has one value."""
    for single, ids_N in zip(decoder.single, rows.ids_SN, strict=True):
        yield single.name, _share(ids_N == decoder.default_ids[single.name]), _is_constant(ids_N)
    for several, lengths_N in zip(decoder.several, rows.lengths_NM.T, strict=True):
        yield several.name, _share(lengths_N == 0), not lengths_N.any()


def _has_more_digits(feature: DenseFeature, tables: Sequence[pa.Table]) -> bool:
    """Whether integers differ that are one number in float64."""
    columns = [table.column(feature.source) for table in tables]
    return any(pa.types.is_integer(column.type) and pc.count_distinct(column).as_py() > 1 for column in columns)


def _is_constant(values_N: NDArray[np.generic]) -> bool:
    return bool((values_N == values_N[:1]).all())


def _share(mask_N: NDArray[np.bool_]) -> float:
    return float(mask_N.mean())
