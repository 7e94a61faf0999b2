"""How well each feature alone predicts the label, on a sample: one that does too well was made from the label.

Shapes: N rows, d numbers of a dense feature, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.columns import take_rows
from trainers.data.decode import Decoder
from trainers.data.rows import Rows
from trainers.metrics.quality import auc

# Above it, a feature alone, or the full model, is more likely a copy of the label than a good predictor.
LEAKY_FEATURE = 0.95
LEAKY_MODEL = 0.99
SAMPLE_ROWS = 2**14
# Rows times columns that are looked at; of very many columns, fewer rows.
SAMPLE_CELLS = 2**23
LEAST_ROWS = 2**11
# Of either class; fewer say nothing.
LEAST_OF_A_CLASS = 30
BINS = 32

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


def single_feature_aucs(decoder: Decoder, table: pa.Table, seed: int = 0) -> dict[str, float]:
    """AUC of each feature alone, 0.5 to 1, by name; empty where a class has too few rows.

    A number counts as it is, whichever its direction, or by the label's mean in each of its quantiles; an id by the
    label's mean of the id. Means are taken on one half of the sample, drawn at random, and measured on the other, so
    that ids that occur once know nothing. A vector counts as its best column, a list by its length or by the mean of
    its ids.

    Args:
        decoder: of the features; one that standardizes, so that large numbers keep the digits that tell them apart.
        table: rows that have the decoder's columns.
        seed: of the sample, and of its halves.

    Raises:
        SpecError: a column whose values don't fit.
    """
    sampled = decoder.decode(_sample(decoder, table, seed))
    label_N = sampled.label_N.astype(np.float64)
    positives = int(label_N.sum())
    if min(positives, len(label_N) - positives) < LEAST_OF_A_CLASS:
        return {}
    learn_N = np.random.default_rng(seed % 2**64).permutation(len(label_N)) % 2 == 0
    measure = _Measure(label_N, learn_N)
    return {name: max(found) for name, found in _measured(decoder, sampled, measure)}


def _sample(decoder: Decoder, table: pa.Table, seed: int) -> pa.Table:
    columns = sum(feature.dim for feature in decoder.dense) + len(decoder.keys)
    most = min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_CELLS // max(1, columns)))
    if table.num_rows <= most:
        return table
    return take_rows(table, np.sort(np.random.default_rng(seed % 2**64).choice(table.num_rows, most, replace=False)))


def _measured(decoder: Decoder, rows: Rows, measure: _Measure) -> Iterator[tuple[str, list[float]]]:
    start = 0
    for dense in decoder.dense:
        columns_dN = rows.dense_ND[:, start : start + dense.dim].T
        start += dense.dim
        yield dense.name, [measure.number(column_N) for column_N in columns_dN]
    for single, ids_N in zip(decoder.single, rows.ids_SN, strict=True):
        yield single.name, [measure.id(ids_N)]
    list_NM = np.broadcast_to(np.arange(len(decoder.several)), rows.lengths_NM.shape)
    owner_V = np.repeat(list_NM.reshape(-1), rows.lengths_NM.reshape(-1))
    for place, several in enumerate(decoder.several):
        lengths_N = rows.lengths_NM[:, place]
        yield several.name, [measure.number(lengths_N), measure.ids(rows.values_V[owner_V == place], lengths_N)]


class _Measure:
    """AUCs against one label. `learn_N` marks the half that means are taken on."""

    def __init__(self, label_N: NDArray[np.float64], learn_N: NDArray[np.bool_]) -> None:
        self.label_N, self.learn_N = label_N, learn_N
        self.base = float(label_N.mean())

    def number(self, values_N: NDArray[np.floating] | Ids) -> float:
        finite_N = np.where(np.isfinite(values_N), values_N, 0)
        edges = np.unique(np.quantile(finite_N, np.linspace(0, 1, BINS + 1)[1:-1]))
        return max(self._auc(finite_N), self.id(np.searchsorted(edges, finite_N)))

    def id(self, ids_N: Ids) -> float:
        return self.ids(ids_N, np.ones(len(ids_N), np.int64))

    def ids(self, values_V: Ids, lengths_N: Ids) -> float:
        """By the label's mean of each id, averaged over a row's; ids that the other half lacks have the base rate."""
        if not len(values_V):
            return 0.5
        row_V = np.repeat(np.arange(len(lengths_N)), lengths_N)
        _, value_V = np.unique(values_V, return_inverse=True)
        learned_V = self.learn_N[row_V]
        counts = np.bincount(value_V[learned_V], minlength=int(value_V.max()) + 1)
        sums = np.bincount(value_V[learned_V], self.label_N[row_V[learned_V]], minlength=len(counts))
        means = np.where(counts > 0, sums / np.maximum(counts, 1), self.base)
        score_N = np.bincount(row_V, means[value_V], minlength=len(lengths_N)) / np.maximum(lengths_N, 1)
        score_N = np.where(lengths_N > 0, score_N, self.base)
        return self._auc(score_N[~self.learn_N], self.label_N[~self.learn_N])

    def _auc(self, score_N: NDArray[np.floating] | Ids, label_N: NDArray[np.float64] | None = None) -> float:
        label_N = self.label_N if label_N is None else label_N
        found = auc(label_N, np.asarray(score_N, np.float64), np.ones(len(label_N)))
        return 0.5 if found is None else max(found, 1 - found)


def leak_warning(name: str, found: float) -> str:
    """What to say of a feature whose AUC alone is above LEAKY_FEATURE."""
    return (
        f"feature {name!r} alone predicts the label with AUC {found:.3f}: was it made from the label, or is it known "
        "only after? Take it out, unless it is right"
    )
