"""What stands before the gate: dense columns and pooled embeddings, side by side.

Shapes: B rows, C = Σ dims columns of the concatenation.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

import torch
from torch import nn

from sharding.layout import FeatureLayout, KeptDims
from sharding.parallel import ShardedEmbeddings
from sharding.tables import Table
from trainers.models.baseline import Baseline
from trainers.models.batch import Batch
from trainers.spec import DenseFeature, JobSpec, MultiCategoricalFeature
from trainers.spec.order import with_features


def tables_of(spec: JobSpec) -> list[Table]:
    """One embedding table per categorical and multi-categorical feature, in the spec's order."""
    return [
        Table(
            name=feature.name,
            rows=feature.table_rows,
            dim=feature.width,
            pooling=feature.pooling if isinstance(feature, MultiCategoricalFeature) else "sum",
        )
        for feature in spec.features
        if not isinstance(feature, DenseFeature)
    ]


class Inputs(nn.Module):
    """From a batch to x_BC, in the order of a spec: what stands before the gate.

    Args:
        spec: in canonical order.
        embeddings: its tables, or None where every feature is dense.

    `baseline` has what replaces a feature that is closed or pruned, whoever ranked it.
    """

    dense_columns: torch.Tensor | None

    def __init__(self, spec: JobSpec, embeddings: ShardedEmbeddings | None) -> None:
        super().__init__()
        self.spec = spec
        self.layout = FeatureLayout.from_dims(spec.dims)
        self.embeddings = embeddings
        self.baseline = Baseline(self.layout)
        self.has_dense = any(isinstance(feature, DenseFeature) for feature in spec.features)
        kept = _dense_columns(spec)
        self.register_buffer("dense_columns", None if kept is None else torch.tensor(kept), persistent=False)

    def forward(self, batch: Batch) -> torch.Tensor:
        dense_BD = batch.dense_BD
        if self.dense_columns is not None:
            dense_BD = dense_BD.index_select(1, self.dense_columns)
        if self.embeddings is None:
            return dense_BD.clone()  # The loader may hold these rows for the next epoch.
        pooled_BE: torch.Tensor = self.embeddings(batch.sparse)
        return torch.cat([dense_BD, pooled_BE], 1) if self.has_dense else pooled_BE

    def finish_step(self) -> None:
        """After the backward pass of a training step: what it hasn't moved yet moves now."""
        if self.embeddings is not None:
            self.embeddings.step()

    def keep(self, names: Collection[str], kept_dims: KeptDims = MappingProxyType({})) -> Inputs:
        """The physically smaller inputs of the kept features: their columns, and their tables with their weights.

        Args:
            names: of the features that stay.
            kept_dims: of those that keep some of their columns alone, which, as the layout counts them.
        """
        features = {feature.name: feature for feature in self.spec.features}
        numbered = {name: features[name].number_dims(columns) for name, columns in kept_dims.items()}
        spec = with_features(self.spec, names, numbered)
        tables = [table.name for table in tables_of(spec)]
        embeddings = self.embeddings.keep(tables, kept_dims) if self.embeddings is not None and tables else None
        return Inputs(spec, embeddings).to(self.baseline.mean_C.device)


def _dense_columns(spec: JobSpec) -> list[int] | None:
    """Which of a batch's dense columns the model has; None where it has all."""
    kept, begin = list[int](), 0
    for feature in spec.features:
        if isinstance(feature, DenseFeature):
            kept += [begin + dim for dim in feature.number_dims(range(feature.width))]
            begin += feature.dim
    return None if len(kept) == begin else kept
