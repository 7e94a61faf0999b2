"""Decoder: Arrow tables → Rows, feature by feature as the spec declares them.

Shapes: N rows, D dense columns, S categorical features, M list features, V ids in lists.
"""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import torch

from trainers.data.columns import single_array
from trainers.data.dense import decode_dense
from trainers.data.ids import decode_ids, decode_lists, default_id
from trainers.data.jagged import take_segments, transposition
from trainers.data.rows import Rows
from trainers.data.targets import decode_group, decode_label, decode_weight
from trainers.spec import CategoricalFeature, DenseFeature, JobSpec, MultiCategoricalFeature, SpecError


class Decoder:
    """Reads the features, label, group and weight of a spec.

    Attributes:
        columns: the Parquet columns it needs, each once.
        keys: the sparse features, categorical ones in the spec's order and then list features in the spec's order.

    Raises:
        SpecError: a default that its feature can't take.
    """

    def __init__(self, spec: JobSpec) -> None:
        self.dataset = spec.dataset
        self.dense = [feature for feature in spec.features if isinstance(feature, DenseFeature)]
        self.single = [feature for feature in spec.features if isinstance(feature, CategoricalFeature)]
        self.several = [feature for feature in spec.features if isinstance(feature, MultiCategoricalFeature)]
        self.keys = [feature.name for feature in (*self.single, *self.several)]
        targets = [self.dataset.label, self.dataset.group, self.dataset.weight]
        sources = [feature.source for feature in spec.features]
        self.columns = list(dict.fromkeys([*sources, *(column for column in targets if column is not None)]))
        self._check_defaults()

    def decode(self, table: pa.Table) -> Rows:
        """The rows of a table that has `columns`. Raises SpecError naming the column, the value and the remedy."""
        arrays = _arrays(table, self.columns)
        label_N = decode_label(self.dataset.label, arrays[self.dataset.label])
        values_V, lengths_NM = self._lists(arrays, table.num_rows)
        return Rows(
            dense_ND=self._dense(arrays, table.num_rows),
            ids_SN=self._ids(arrays, table.num_rows),
            values_V=values_V,
            lengths_NM=lengths_NM,
            label_N=label_N,
            group_N=self._group(arrays, label_N),
            weight_N=self._weight(arrays, label_N),
            keys=self.keys,
        )

    @property
    def dense_columns(self) -> list[str]:
        """The Parquet columns of the dense features, each once."""
        return list(dict.fromkeys(feature.source for feature in self.dense))

    def decode_dense(self, table: pa.Table) -> torch.Tensor:
        """(N, D) of a table that has `dense_columns`. Raises SpecError."""
        return self._dense(_arrays(table, self.dense_columns), table.num_rows)

    def _check_defaults(self) -> None:
        for feature in self.dense:
            if not math.isfinite(feature.default):
                raise SpecError(f"feature {feature.name!r}: default {feature.default} isn't finite; give a number")
        for categorical in self.single:
            default_id(categorical)

    def _dense(self, arrays: dict[str, Any], rows: int) -> torch.Tensor:
        replace = self.dataset.non_finite == "replace"
        parts = [decode_dense(feature, arrays[feature.source], replace=replace) for feature in self.dense]
        return torch.cat(parts, 1) if parts else torch.empty(rows, 0)

    def _ids(self, arrays: dict[str, Any], rows: int) -> torch.Tensor:
        parts = [decode_ids(feature, arrays[feature.source]) for feature in self.single]
        return torch.stack(parts) if parts else torch.empty(0, rows, dtype=torch.int64)

    def _lists(self, arrays: dict[str, Any], rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [decode_lists(feature, arrays[feature.source]) for feature in self.several]
        if not parts:
            return torch.empty(0, dtype=torch.int64), torch.empty(rows, 0, dtype=torch.int64)
        values_V = torch.cat([values for values, _ in parts])
        lengths_MN = torch.stack([lengths for _, lengths in parts])
        if len(parts) > 1:
            order = transposition(len(parts), rows)
            values_V, _ = take_segments(values_V, lengths_MN.reshape(-1), order)
        return values_V, lengths_MN.t().contiguous()

    def _group(self, arrays: dict[str, Any], label_N: torch.Tensor) -> torch.Tensor:
        if self.dataset.group is None:
            return torch.zeros_like(label_N, dtype=torch.int64)
        return decode_group(self.dataset.group, arrays[self.dataset.group])

    def _weight(self, arrays: dict[str, Any], label_N: torch.Tensor) -> torch.Tensor:
        if self.dataset.weight is None:
            return torch.ones_like(label_N)
        return decode_weight(self.dataset.weight, arrays[self.dataset.weight])


def _arrays(table: pa.Table, columns: list[str]) -> dict[str, Any]:
    return {column: single_array(table.column(column)) for column in columns}
