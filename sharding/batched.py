"""All tables of one rank in one fbgemm kernel, trained in the backward pass.

Shapes: B rows, T tables, E = Σ stored dims.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    SplitTableBatchedEmbeddingBagsCodegen,
)
from torch import nn
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from sharding.tables import EPSILON, Table


class BatchedTables(nn.Module):
    """Sums of the embeddings of T tables' ids, whose keys stand in the tables' order.

    fbgemm's kernel is used as TorchRec's sharded modules use it, without the exchange around it: a lookup costs
    no Python per table.
    """

    def __init__(self, tables: Sequence[Table], *, learning_rate: float, device: torch.device, seed: int) -> None:
        super().__init__()
        self.tables = tuple(tables)
        self.keys = [table.name for table in tables]
        on_gpu = device.type == "cuda"
        memory = EmbeddingLocation.DEVICE if on_gpu else EmbeddingLocation.HOST
        compute = ComputeDevice.CUDA if on_gpu else ComputeDevice.CPU
        self.kernel = SplitTableBatchedEmbeddingBagsCodegen(
            [(table.rows, table.stored_dim, memory, compute) for table in tables],
            optimizer=EmbOptimType.EXACT_ADAGRAD,
            learning_rate=learning_rate,
            eps=EPSILON,
            device=device,
        )
        with torch.no_grad():
            for weights, table in zip(self.kernel.split_embedding_weights(), tables, strict=True):
                weights.copy_(table.initial(seed))

    def forward(self, ids: KeyedJaggedTensor) -> torch.Tensor:
        """(B, E), float32. Raises ValueError where the keys aren't the tables' in their order."""
        if ids.keys() != self.keys:
            raise ValueError(f"ids come for {ids.keys()[:5]}… and tables stand for {self.keys[:5]}…; use one order")
        pooled_BE: torch.Tensor = self.kernel(ids.values(), ids.offsets().to(ids.values().dtype))
        return pooled_BE

    def weights(self) -> dict[str, torch.Tensor]:
        """By table, sharing memory: (rows, stored_dim)."""
        return dict(zip(self.keys, self.kernel.split_embedding_weights(), strict=True))

    def sums(self) -> dict[str, torch.Tensor]:
        """Adagrad's accumulated squares by table, sharing memory."""
        states = self.kernel.split_optimizer_states()
        return {t.name: state[0].view(t.rows, -1) for t, state in zip(self.tables, states, strict=True)}
