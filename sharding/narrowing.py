"""Tables that lose columns: where their narrower shards lie, and their numbers moved there.

A narrower table stays on ranks that had it. Shards of columns are of equal width again, so that a column may have to
move to another rank; shards of rows, and whole tables, are cut where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed._shard.metadata import ShardMetadata
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torch.distributed._shard.sharding_spec import EnumerableShardingSpec
from torchrec.distributed.types import EmbeddingModuleShardingPlan, ParameterSharding, ShardingPlan

from sharding.planner import MIN_COLUMNS
from sharding.tables import LANES, Table, module_name

Piece = tuple[torch.Tensor, tuple[int, int]]
# Of a sharded table: what TorchRec's fused Adagrad has.
SHARDED_KINDS = ("weight", "sum")
# Numbers sent at once as columns move between ranks.
SENT = 2**24


def narrowed(placement: ShardingPlan | None, tables: Sequence[Table]) -> ShardingPlan | None:
    """The plan of some of the tables, which may have fewer columns than there; None of tables that aren't sharded."""
    if placement is None:
        return None
    by_name = {module_name(table.name): table for table in tables}
    parts = {
        path: EmbeddingModuleShardingPlan(
            {name: _narrowed(where, by_name[name].stored_dim) for name, where in module.items() if name in by_name}
        )
        for path, module in placement.plan.items()
    }
    return ShardingPlan(parts)


def _narrowed(where: ParameterSharding, width: int) -> ParameterSharding:
    """The place of a table of `width` stored columns, which had as many or more."""
    if where.sharding_spec is None:
        return where
    shards: list[ShardMetadata] = where.sharding_spec.shards
    if max(shard.shard_offsets[1] + shard.shard_sizes[1] for shard in shards) == width:
        return where
    begins = sorted({shard.shard_offsets[1] for shard in shards})
    wide = width // _count_parts(width, len(begins))
    kept = [(shard, wide * begins.index(shard.shard_offsets[1])) for shard in shards]
    kept = [(shard, begin) for shard, begin in kept if begin < width]
    spec = EnumerableShardingSpec(
        [
            ShardMetadata(
                shard_offsets=[shard.shard_offsets[0], begin],
                shard_sizes=[shard.shard_sizes[0], wide],
                placement=shard.placement,
            )
            for shard, begin in kept
        ]
    )
    ranks = where.ranks
    if ranks is not None and len(ranks) == len(shards):
        ranks = [rank for rank, shard in zip(ranks, shards, strict=True) if any(shard is each for each, _ in kept)]
    return replace(where, sharding_spec=spec, ranks=ranks)


def _count_parts(width: int, most: int) -> int:
    """How many equal parts, each whole lanes of fbgemm's, so many columns are cut into: TorchRec takes shards of one
    table on one rank to be of one width. Narrow parts cost more lookups than they balance."""
    parts = range(max(1, min(most, width // MIN_COLUMNS)), 0, -1)
    return next(count for count in parts if width % (count * LANES) == 0)


def pieces(tensor: Any) -> list[Piece]:
    """This rank's pieces of a plain or a sharded table, each with the row and column it begins at; none of None."""
    if tensor is None:
        return []
    if isinstance(tensor, ShardedTensor):
        return [(shard.tensor, tuple(shard.metadata.shard_offsets)) for shard in tensor.local_shards()]  # type: ignore[misc]
    return [(tensor.detach(), (0, 0))]


@torch.no_grad()
def copy_columns(source: Mapping[str, Any], target: Mapping[str, Any], columns: Sequence[int]) -> None:
    """Fill a table's weights and optimizer state from those of a table that has more columns.

    Collective where the two are sharded: every rank knows where the weights lie, and has its own part alone of the
    optimizer's state, which lies as they do.

    Args:
        source: by kind, such as `weight`: (rows, stored_dim), plain or sharded; a scalar is copied.
        target: likewise, of the narrower table.
        columns: of the source, in ascending order; the rest of the target stays as it is.
    """
    weight, ours = source["weight"], target["weight"]
    if isinstance(weight, ShardedTensor):
        for kind in SHARDED_KINDS:
            move = _Move(pieces(source.get(kind)), pieces(target.get(kind)), columns)
            for shard in weight.metadata().shards_metadata:
                move.copy_shard(shard, ours.metadata().shards_metadata, weight.dtype)
        return
    for kind, tensor in target.items():
        if tensor.ndim < 2:
            tensor.copy_(source[kind])
        else:
            tensor[:, : len(columns)] = source[kind][:, columns]


@dataclass(frozen=True)
class _Move:
    """One kind of a table's numbers, on its way: this rank's pieces of the source and of the target."""

    source: Sequence[Piece]
    target: Sequence[Piece]
    columns: Sequence[int]

    def copy_shard(self, shard: ShardMetadata, targets: Sequence[ShardMetadata], dtype: torch.dtype) -> None:
        """Fill what a shard of the source has of the target: on its rank where all of that lies there, else sent."""
        (row, column), (height, width) = shard.shard_offsets, shard.shard_sizes
        # Columns ascend, so that those of one shard stand side by side in the target.
        own = [at for at, each in enumerate(self.columns) if column <= each < column + width]
        if not own:
            return
        owner, local = _rank(shard), [self.columns[at] - column for at in own]
        is_owner = owner == dist.get_rank()
        mine = next(piece for piece, begin in self.source if begin == (row, column)) if is_owner else None
        if {_rank(each) for each in targets if _meets(each, row, height, own)} <= {owner}:
            if mine is not None:
                self.fill(mine[:, local], row, own[0])
            return
        for start in range(0, height, rows := max(1, SENT // len(own))):
            part = torch.empty(min(rows, height - start), len(own), dtype=dtype, device=_device())
            if mine is not None:
                part.copy_(mine[start : start + rows, local])
            dist.broadcast(part, owner)
            self.fill(part, row + start, own[0])

    def fill(self, part: torch.Tensor, row: int, column: int) -> None:
        """Copy what a part, which begins at that row and column of the target, has of this rank's pieces."""
        height, width = part.shape
        for piece, (top, left) in self.target:
            rows = slice(max(row, top), min(row + height, top + piece.shape[0]))
            across = slice(max(column, left), min(column + width, left + piece.shape[1]))
            if rows.start < rows.stop and across.start < across.stop:
                piece[rows.start - top : rows.stop - top, across.start - left : across.stop - left] = part[
                    rows.start - row : rows.stop - row, across.start - column : across.stop - column
                ]


def _device() -> torch.device:
    """Where tensors are to be sent."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def _meets(shard: ShardMetadata, row: int, height: int, columns: Sequence[int]) -> bool:
    (top, left), (tall, wide) = shard.shard_offsets, shard.shard_sizes
    return top < row + height and row < top + tall and left <= columns[-1] and columns[0] < left + wide


def _rank(shard: ShardMetadata) -> int:
    assert isinstance(shard.placement, torch.distributed._remote_device)
    rank = shard.placement.rank()
    assert rank is not None
    return rank
