"""Decoder: Arrow tables → Rows, feature by feature as the spec declares them.

Shapes: N rows, D dense columns, S categorical features, M list features, V ids in lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.columns import single_array
from trainers.data.dense import LARGEST, LARGEST_TO_LEARN, check_dense_default, decode_dense, standardize
from trainers.data.ids import decode_ids, decode_lists, default_id
from trainers.data.jagged import take_segments, transposition
from trainers.data.rows import Rows
from trainers.data.scale import Scale
from trainers.data.targets import decode_group, decode_label, decode_weight
from trainers.data.weights import scale_weights
from trainers.spec import CategoricalFeature, DenseFeature, FeatureSpec, JobSpec, MultiCategoricalFeature

if TYPE_CHECKING:
    from trainers.data.statistics import Statistics

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
AS_IT_IS = Scale(mean_D=np.zeros(1), std_D=np.ones(1))


class Decoder:
    """Reads the features, label, group and weight of a spec.

    Args:
        spec: what to read.
        statistics: standardize dense features and weights by these, measured on a spec that has these features too;
            without them numbers stay as they are.

    Attributes:
        features: the spec's.
        columns: the Parquet columns it needs, each once.
        default_ids: the row of the table that stands for null, by categorical feature.
        keys: the sparse features, categorical ones in the spec's order and then list features in the spec's order.

    Raises:
        SpecError: a default that its feature can't take.
    """

    def __init__(self, spec: JobSpec, statistics: Statistics | None = None) -> None:
        self.dataset, self.statistics = spec.dataset, statistics
        self.features = spec.features
        self.dense = [feature for feature in spec.features if isinstance(feature, DenseFeature)]
        self.single = [feature for feature in spec.features if isinstance(feature, CategoricalFeature)]
        self.several = [feature for feature in spec.features if isinstance(feature, MultiCategoricalFeature)]
        self.keys = [feature.name for feature in (*self.single, *self.several)]
        targets = [self.dataset.label, self.dataset.group, self.dataset.weight]
        sources = [feature.source for feature in spec.features]
        self.columns = list(dict.fromkeys([*sources, *(column for column in targets if column is not None)]))
        for dense in self.dense:
            check_dense_default(dense)
        self.default_ids = {feature.name: default_id(feature) for feature in self.single}

    def decode(self, table: pa.Table) -> Rows:
        """The rows of a table that has `columns`. Raises SpecError naming the column, the value and the remedy."""
        arrays = _arrays(table, self.columns)
        label_N = decode_label(self.dataset.label, arrays[self.dataset.label])
        values_V, lengths_NM = self._lists(arrays, table.num_rows)
        return Rows(
            dense_ND=self._dense(table),
            ids_SN=self._ids(arrays, table.num_rows),
            values_V=values_V,
            lengths_NM=lengths_NM,
            label_N=label_N,
            # Arrow's memory is read-only, and torch takes none that is.
            group_N=np.array(self._group(arrays, table.num_rows)),
            weight_N=self._weight(arrays, table.num_rows),
            keys=self.keys,
        )

    @property
    def dense_columns(self) -> list[str]:
        """The Parquet columns of the dense features, each once."""
        return list(dict.fromkeys(feature.source for feature in self.dense))

    def raw_dense(self, table: pa.Table) -> Iterator[tuple[DenseFeature, NDArray[Any]]]:
        """Each dense feature of a table that has `dense_columns`, and its numbers (N, d) with the column's digits.

        Raises:
            SpecError: a column that the feature can't be read from.
        """
        arrays = _arrays(table, self.dense_columns)
        replace = self.dataset.non_finite == "replace"
        for feature in self.dense:
            yield feature, decode_dense(feature, arrays[feature.source], replace=replace)

    def _dense(self, table: pa.Table) -> Floats:
        """(N, D) of a table that has `dense_columns`, standardized where there are statistics. Raises SpecError."""
        replace = self.dataset.non_finite == "replace"
        dense_ND = np.empty((table.num_rows, sum(feature.dim for feature in self.dense)), np.float32)
        start = 0
        for feature, numbers_Nd in self.raw_dense(table):
            scale, largest = AS_IT_IS, LARGEST
            if self.statistics is not None:
                scale, largest = self.statistics.of(feature.name), LARGEST_TO_LEARN
            stop = start + feature.dim
            dense_ND[:, start:stop] = standardize(feature, numbers_Nd, scale, replace=replace, largest=largest)
            start = stop
        return dense_ND

    def _ids(self, arrays: dict[str, Any], rows: int) -> Ints:
        parts = [decode_ids(feature, arrays[feature.source]) for feature in self.single]
        return np.stack(parts) if parts else np.empty((0, rows), np.int64)

    def _lists(self, arrays: dict[str, Any], rows: int) -> tuple[Ints, Ints]:
        parts = [decode_lists(feature, arrays[feature.source]) for feature in self.several]
        if not parts:
            return np.empty(0, np.int64), np.empty((rows, 0), np.int64)
        values_V = np.concatenate([values for values, _ in parts])
        lengths_MN = np.stack([lengths for _, lengths in parts])
        if len(parts) > 1:
            order = transposition(len(parts), rows)
            values_V, _ = take_segments(values_V, lengths_MN.reshape(-1), order)
        return values_V, np.ascontiguousarray(lengths_MN.T)

    def _group(self, arrays: dict[str, Any], rows: int) -> Ints:
        if self.dataset.group is None:
            return np.zeros(rows, np.int64)
        return decode_group(self.dataset.group, arrays[self.dataset.group])

    def _weight(self, arrays: dict[str, Any], rows: int) -> Floats:
        if self.dataset.weight is None:
            return np.ones(rows, np.float32)
        mean = 1.0 if self.statistics is None else self.statistics.weight_mean
        return scale_weights(self.dataset.weight, decode_weight(self.dataset.weight, arrays[self.dataset.weight]), mean)


def check_default(feature: FeatureSpec) -> None:
    """Raises SpecError where the feature can't take its default."""
    if isinstance(feature, DenseFeature):
        check_dense_default(feature)
    elif isinstance(feature, CategoricalFeature):
        default_id(feature)


def decode_feature(feature: FeatureSpec, array: Any, *, replace: bool) -> None:
    """Raises SpecError where the column, or the default, isn't the feature's."""
    if isinstance(feature, DenseFeature):
        decode_dense(feature, array, replace=replace)
    elif isinstance(feature, CategoricalFeature):
        decode_ids(feature, array)
    else:
        decode_lists(feature, array)


def _arrays(table: pa.Table, columns: list[str]) -> dict[str, Any]:
    return {column: single_array(table.column(column)) for column in columns}
