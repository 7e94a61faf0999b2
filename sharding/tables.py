"""Embedding tables: one per feature, named by it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torchrec.modules.embedding_configs import EmbeddingBagConfig, PoolingType

# fbgemm's kernels move 16 bytes at a time and refuse other widths; the columns beyond `dim` are never read.
LANES = 4
# TorchRec's own default shrinks with 1/√rows, so that rows of a big table are nearly equal at the start.
INITIAL_STD = 0.01
# Of Adagrad on the tables; beside the gradients of a mean loss, which are small, it is felt.
EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of `rows` embeddings of `dim` floats, pooled over a row's ids by sum or mean."""

    name: str
    rows: int
    dim: int
    pooling: Literal["sum", "mean"] = "sum"

    @property
    def stored_dim(self) -> int:
        """Floats stored per row: `dim` rounded up to fbgemm's lanes."""
        return -(-self.dim // LANES) * LANES

    @property
    def bytes(self) -> int:
        """Of the weights, float32, without optimizer state."""
        return self.rows * self.stored_dim * 4

    def initial(self, seed: int) -> torch.Tensor:
        """First weights, (rows, stored_dim), the same for a seed and name however the table is sharded."""
        digest = hashlib.sha256(f"{seed}:{self.name}".encode()).digest()
        draw = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        weights = torch.empty(self.rows, self.stored_dim).normal_(std=INITIAL_STD, generator=draw)
        weights[:, self.dim :] = 0.0
        return weights


def module_name(table: str) -> str:
    """What TorchRec calls a table, whose names are those of modules: they take no dot, and neither `keys` nor `train`.

    Names of features have no colon, so that no two tables share one.
    """
    return "table:" + table.replace(".", ":")


def configs(tables: Sequence[Table]) -> list[EmbeddingBagConfig]:
    """TorchRec's description of the tables. All pool by sum; `ShardedEmbeddings` makes means of them."""
    return [
        EmbeddingBagConfig(
            name=module_name(table.name),
            embedding_dim=table.stored_dim,
            num_embeddings=table.rows,
            feature_names=[table.name],
            pooling=PoolingType.SUM,
        )
        for table in tables
    ]
