"""Embedding tables on one rank or many, and what trains them.

Shapes: B rows, E = Σ dims of the tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import nn
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.model_parallel import DistributedModelParallel
from torchrec.distributed.types import ShardingPlan
from torchrec.modules.embedding_modules import EmbeddingBagCollection
from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor, KeyedTensor

from sharding.batched import BatchedTables, DenseTables, FusedTables
from sharding.layout import KeptDims
from sharding.narrowing import copy_columns, narrowed, pieces
from sharding.planner import Machine, plan
from sharding.tables import EPSILON, Table, configs, module_name

Optimizer = Literal["adagrad", "adam"]


@dataclass(frozen=True, kw_only=True)
class TableOptimizer:
    """What trains the tables.

    Args:
        kind: adagrad learns within the backward pass, row by row looked up (exact, which on CPU takes half the time of
            fbgemm's row-wise one). adam moves every row at every step, and every rank holds all tables: for tables of
            modest size, where Adagrad's shrinking steps stop too early.
        weight_decay: of Adam; fbgemm's Adagrad has none.
    """

    learning_rate: float
    kind: Optimizer = "adagrad"
    weight_decay: float = 0.0


class ShardedEmbeddings(nn.Module):
    """Pooled embeddings of one table per feature, as one matrix in the order of `tables`.

    With one rank the tables are looked up by fbgemm's kernel alone, without process group, exchange or wrapper; with
    more, `DistributedModelParallel` shards them by `plan`.

    Args:
        tables: in the order of the output's columns.
        optimizer: of the tables.
        machine: the ranks; one CPU rank unless given.
        device: of this rank.
        seed: of the first weights.
        batch_size: rows per rank, which the planner weighs exchange by.
        placement: a plan to follow instead of asking the planner.

    Example:
        >>> from torchrec.sparse.jagged_tensor import KeyedJaggedTensor
        >>> embeddings = ShardedEmbeddings([Table(name="user", rows=10, dim=3)], TableOptimizer(learning_rate=0.1))
        >>> ids = KeyedJaggedTensor(["user"], values=torch.tensor([1, 2]), lengths=torch.tensor([1, 1]))
        >>> embeddings(ids).shape
        torch.Size([2, 3])
    """

    columns_E: torch.Tensor | None
    averaged_E: torch.Tensor
    table_E: torch.Tensor

    def __init__(
        self,
        tables: Sequence[Table],
        optimizer: TableOptimizer,
        *,
        machine: Machine | None = None,
        device: torch.device | None = None,
        seed: int = 0,
        batch_size: int = 512,
        placement: ShardingPlan | None = None,
    ) -> None:
        super().__init__()
        self.tables = tuple(tables)
        self.optimizer, self.seed, self.batch_size = optimizer, seed, batch_size
        self.machine = machine or Machine(world=1, local_world=1)
        self.device = device or torch.device("cpu")
        self.placement = placement
        self.collection = self._one_rank() if self.machine.world == 1 else self._many_ranks()
        self.register_buffer("columns_E", None, persistent=False)
        averaged = [table.pooling == "mean" for table in self.tables for _ in range(table.dim)]
        table_E = [index for index, table in enumerate(self.tables) for _ in range(table.dim)]
        self.register_buffer("averaged_E", torch.tensor(averaged, device=self.device), persistent=False)
        self.register_buffer("table_E", torch.tensor(table_E, device=self.device), persistent=False)
        self._averages = any(averaged)
        self._order: list[str] | None = None
        if self.machine.world == 1:
            self._arrange([table.name for table in self.tables], [table.stored_dim for table in self.tables])
        else:
            self._initialize()
        self.dense_optimizer = self._dense_optimizer()

    def _one_rank(self) -> nn.Module:
        if self.optimizer.kind == "adam":
            return DenseTables(self.tables, device=self.device, seed=self.seed)
        return FusedTables(self.tables, learning_rate=self.optimizer.learning_rate, device=self.device, seed=self.seed)

    def _many_ranks(self) -> nn.Module:
        """Tables are born sharded, on the meta device first, so that no rank ever holds one whole."""
        collection = EmbeddingBagCollection(configs(self.tables), device=torch.device("meta"))
        machine = self.machine
        if self.optimizer.kind == "adam":
            machine = replace(machine, sharding=_whole_on_every_rank(machine.sharding))
        else:
            settings = {"lr": self.optimizer.learning_rate, "eps": EPSILON}
            apply_optimizer_in_backward(torch.optim.Adagrad, collection.parameters(), settings)
        if self.placement is None:
            self.placement = plan(collection, self.tables, machine, self.batch_size)
        return DistributedModelParallel(  # type: ignore[no-any-return]
            collection, device=self.device, plan=self.placement, sharders=[EmbeddingBagCollectionSharder()]
        )

    def _dense_optimizer(self) -> torch.optim.Optimizer | None:
        """For what no fused optimizer trains: Adam's tables and data-parallel ones; see `step`."""
        dense = isinstance(self.collection, DenseTables)
        parameters = list(self.collection.parameters() if dense else self._replicated().values())
        if not parameters:
            return None
        if self.optimizer.kind == "adagrad":
            return torch.optim.Adagrad(parameters, lr=self.optimizer.learning_rate, eps=EPSILON)
        adam = torch.optim.Adam(
            parameters, lr=self.optimizer.learning_rate, weight_decay=self.optimizer.weight_decay, fused=True
        )
        for parameter in parameters:  # now, and not at the first step: a checkpoint fills in what is there
            zeros = {kind: torch.zeros_like(parameter) for kind in ("exp_avg", "exp_avg_sq")}
            adam.state[parameter] = {"step": torch.zeros((), device=self.device), **zeros}
        return adam

    def _replicated(self) -> dict[str, nn.Parameter]:
        """The data-parallel tables by name."""
        if self.placement is None:
            return {}
        placed, parameters = self.placement.plan[""], dict(self.collection.named_parameters())
        return {
            table.name: parameters[_weight_key(table)]
            for table in self.tables
            if placed[module_name(table.name)].sharding_type == "data_parallel"
        }

    @torch.no_grad()
    def _initialize(self) -> None:
        """The same first weights as on one rank: every shard takes its part of its table's."""
        weights = self.weights()
        for table in self.tables:
            whole = table.initial(self.seed)
            for piece, (row, column) in pieces(weights[table.name]):
                height, width = piece.shape
                piece.copy_(whole[row : row + height, column : column + width])

    def forward(self, ids: KeyedJaggedTensor) -> torch.Tensor:
        """Pooled embeddings (B, E), float32, looked up by name: TorchRec's own order depends on the plan."""
        values: torch.Tensor
        if self.machine.world == 1:
            values = self.collection(ids)
        else:
            keyed: KeyedTensor = self.collection(ids).wait()
            if keyed.keys() != self._order:
                self._arrange(keyed.keys(), keyed.length_per_key())
            values = keyed.values()
        pooled_BE = values if self.columns_E is None else values.index_select(1, self.columns_E)
        return pooled_BE * self._shares(ids) if self._averages else pooled_BE

    def _shares(self, ids: KeyedJaggedTensor) -> torch.Tensor:
        """What turns sums into means: 1 / number of ids, (B, E); 1 for tables that pool by sum."""
        count_TB = ids.lengths().view(len(self.tables), -1).clamp(min=1)
        share_BE = count_TB.to(torch.float32).reciprocal().t()[:, self.table_E]
        return torch.where(self.averaged_E, share_BE, 1.0)

    def _arrange(self, keys: list[str], widths: list[int]) -> None:
        """Find every table's columns by name; None where they stand as wanted already."""
        self._order = list(keys)
        start = dict(zip(keys, itertools.accumulate(widths, initial=0), strict=False))
        columns = [start[table.name] + column for table in self.tables for column in range(table.dim)]
        identity = columns == list(range(sum(widths)))
        self.columns_E = None if identity else torch.tensor(columns, device=self.device)

    def step(self) -> None:
        """Finish a training step: tables without a fused optimizer move now; others moved in the backward pass."""
        if self.dense_optimizer is not None:
            self.dense_optimizer.step()
            self.dense_optimizer.zero_grad()

    def local_weights(self) -> list[torch.Tensor]:
        """This rank's pieces of the tables' weights, sharing memory."""
        return [piece for table in self.weights().values() for piece, _ in pieces(table)]

    def local_bytes(self) -> int:
        """Of this rank's pieces of the tables' weights."""
        return sum(piece.nbytes for piece in self.local_weights())

    def table_bytes(self) -> int:
        """Of all tables' weights together."""
        return sum(table.bytes for table in self.tables)

    def checkpoint_state(self) -> dict[str, Any]:
        """Weights and optimizer state by table, for torch's distributed checkpoint: a load fills them in place."""
        return {f"{name}.weight": tensor for name, tensor in self.weights().items()} | self._optimizer_state()

    def weights(self) -> dict[str, Any]:
        """Weights by table, sharing memory; where tables are sharded, sharded tensors."""
        if isinstance(self.collection, BatchedTables):
            return self.collection.weights()
        found = self.collection.state_dict()
        return {table.name: found[_weight_key(table)] for table in self.tables}

    def _optimizer_state(self) -> dict[str, Any]:
        """`table.kind` → tensor, where kind is Adagrad's sum, or Adam's step, exp_avg and exp_avg_sq."""
        if isinstance(self.collection, BatchedTables):
            return self.collection.optimizer_state(self.dense_optimizer)
        found: dict[str, Any] = {}
        if self.dense_optimizer is not None:
            kinds = ("sum",) if self.optimizer.kind == "adagrad" else ("step", "exp_avg", "exp_avg_sq")
            state = self.dense_optimizer.state
            for name, parameter in self._replicated().items():
                found |= {f"{name}.{kind}": state[parameter][kind] for kind in kinds}
        fused: Any = self.collection.fused_optimizer
        entries = fused.state_dict()["state"]
        for table in self.tables:
            if (entry := entries.get(_weight_key(table))) is not None:
                (found[f"{table.name}.sum"],) = entry.values()
        return found

    def keep(self, names: Collection[str], kept_dims: KeptDims = MappingProxyType({})) -> ShardedEmbeddings:
        """A smaller copy with the named tables only: their weights, optimizer state and placement.

        Args:
            names: of the tables that stay.
            kept_dims: of tables that keep some of their columns alone, which, in ascending order. Such a table is
                narrower, on the same ranks. Collective where tables are sharded.
        """
        kept = [
            replace(table, dim=len(kept_dims.get(table.name, range(table.dim))))
            for table in self.tables
            if table.name in set(names)
        ]
        small = ShardedEmbeddings(
            kept,
            self.optimizer,
            machine=self.machine,
            device=self.device,
            seed=self.seed,
            batch_size=self.batch_size,
            placement=narrowed(self.placement, kept),
        )
        source, target = self.checkpoint_state(), small.checkpoint_state()
        widths = {table.name: table.dim for table in self.tables}
        for table in kept:
            columns = list(kept_dims.get(table.name, range(widths[table.name])))
            copy_columns(_of_table(source, table.name), _of_table(target, table.name), columns)
        return small


def _of_table(state: Mapping[str, Any], table: str) -> dict[str, Any]:
    """A table's part of a checkpoint's state, by kind."""
    parts = ((key.rpartition("."), tensor) for key, tensor in state.items())
    return {kind: tensor for (name, _, kind), tensor in parts if name == table}


def _weight_key(table: Table) -> str:
    """Of a table's weights in TorchRec's state."""
    return f"embedding_bags.{module_name(table.name)}.weight"


def _whole_on_every_rank(asked: tuple[str, ...]) -> tuple[str, ...]:
    """The sharding that Adam needs. Raises ValueError where others alone are asked for."""
    if asked and "data_parallel" not in asked:
        raise ValueError(
            f"sharding: {asked[0]!r} splits tables over workers, and Adam trains whole ones on every worker; "
            "leave scaling.topology.sharding out, or train tables by adagrad"
        )
    return ("data_parallel",)
