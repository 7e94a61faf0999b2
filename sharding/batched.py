"""All tables of one rank in one fbgemm kernel.

Shapes: B rows, T tables, E = Σ stored dims.
"""

from __future__ import annotations

import itertools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    DenseTableBatchedEmbeddingBagsCodegen,
    SplitTableBatchedEmbeddingBagsCodegen,
)
from torch import nn
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from sharding.tables import EPSILON, Table


class BatchedTables(nn.Module, ABC):
    """Sums of the embeddings of T tables' ids, whose keys stand in the tables' order.

    fbgemm's kernels are used as TorchRec's sharded modules use them, without the exchange around it: a lookup costs
    no Python per table.
    """

    kernel: Any

    def __init__(self, tables: Sequence[Table], kernel: nn.Module, seed: int) -> None:
        super().__init__()
        self.tables = tuple(tables)
        self.keys = [table.name for table in tables]
        self.kernel = kernel
        with torch.no_grad():
            for table, weights in zip(tables, self.weights().values(), strict=True):
                weights.copy_(table.initial(seed))

    def forward(self, ids: KeyedJaggedTensor) -> torch.Tensor:
        """(B, E), float32. Raises ValueError where the keys aren't the tables' in their order."""
        if ids.keys() != self.keys:
            raise ValueError(f"ids come for {ids.keys()[:5]}… and tables stand for {self.keys[:5]}…; use one order")
        pooled_BE: torch.Tensor = self.kernel(ids.values(), ids.offsets().to(ids.values().dtype))
        return pooled_BE

    @abstractmethod
    def weights(self) -> dict[str, torch.Tensor]:
        """By table, sharing memory: (rows, stored_dim)."""

    @abstractmethod
    def optimizer_state(self, optimizer: torch.optim.Optimizer | None) -> dict[str, torch.Tensor]:
        """By table and kind, as `table.kind`, sharing memory; `optimizer` is the one of a kernel that has none."""


class FusedTables(BatchedTables):
    """Exact Adagrad within the backward pass: only the rows looked up are touched."""

    def __init__(self, tables: Sequence[Table], *, learning_rate: float, device: torch.device, seed: int) -> None:
        on_gpu = device.type == "cuda"
        memory = EmbeddingLocation.DEVICE if on_gpu else EmbeddingLocation.HOST
        compute = ComputeDevice.CUDA if on_gpu else ComputeDevice.CPU
        kernel = SplitTableBatchedEmbeddingBagsCodegen(
            [(table.rows, table.stored_dim, memory, compute) for table in tables],
            optimizer=EmbOptimType.EXACT_ADAGRAD,
            learning_rate=learning_rate,
            eps=EPSILON,
            device=device,
        )
        super().__init__(tables, kernel, seed)

    def weights(self) -> dict[str, torch.Tensor]:
        return dict(zip(self.keys, self.kernel.split_embedding_weights(), strict=True))

    def optimizer_state(self, optimizer: torch.optim.Optimizer | None) -> dict[str, torch.Tensor]:
        states = self.kernel.split_optimizer_states()
        return {f"{t.name}.sum": state[0].view(t.rows, -1) for t, state in zip(self.tables, states, strict=True)}


class DenseTables(BatchedTables):
    """A gradient for every row of every table, for an optimizer outside the kernel. For tables of modest size."""

    def __init__(self, tables: Sequence[Table], *, device: torch.device, seed: int) -> None:
        sizes = [(table.rows, table.stored_dim) for table in tables]
        # Of its CPU kernel, whose backward pass is registered another way; tests hold its gradients to autograd's.
        warnings.filterwarnings("ignore", "fbgemm::dense_embedding_codegen_lookup_function: an autograd kernel")
        super().__init__(tables, DenseTableBatchedEmbeddingBagsCodegen(sizes, use_cpu=device.type == "cpu"), seed)

    def weights(self) -> dict[str, torch.Tensor]:
        return dict(zip(self.keys, self._by_table(self.kernel.weights.detach()), strict=True))

    def optimizer_state(self, optimizer: torch.optim.Optimizer | None) -> dict[str, torch.Tensor]:
        assert optimizer is not None
        found: dict[str, torch.Tensor] = {}
        for kind, tensor in optimizer.state[self.kernel.weights].items():
            # A count of steps is one for all tables.
            parts = self._by_table(tensor) if tensor.ndim else [tensor] * len(self.tables)
            found |= {f"{table.name}.{kind}": part for table, part in zip(self.tables, parts, strict=True)}
        return found

    def _by_table(self, flat: torch.Tensor) -> list[torch.Tensor]:
        ends = list(itertools.accumulate(table.rows * table.stored_dim for table in self.tables))
        starts = [0, *ends[:-1]]
        return [flat[s:e].view(t.rows, -1) for t, s, e in zip(self.tables, starts, ends, strict=True)]
