"""Placement of tables on ranks by TorchRec's planner, with a search that stays short for hundreds of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn
from torchrec.distributed.embedding_types import EmbeddingComputeKernel
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.planner import EmbeddingShardingPlanner, ParameterConstraints, Topology
from torchrec.distributed.planner.proposers import GreedyProposer, UniformProposer
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.types import ShardingPlan

from sharding.tables import Table, module_name

ON_CPU = ("table_wise", "column_wise", "data_parallel")
ON_GPU = (*ON_CPU, "row_wise", "table_row_wise")
# Narrower column shards cost more lookups than they balance.
MIN_COLUMNS = 32
GREEDY_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The ranks to plan for.

    `sharding` restricts the plan to these types; empty leaves the choice to the planner. `memory_bytes` is one
    rank's device memory (GPU) or main memory (CPU), the machine's own unless given.
    """

    world: int
    local_world: int
    device: str = "cpu"
    memory_bytes: int | None = None
    sharding: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        possible = ON_CPU if self.device == "cpu" else ON_GPU
        wrong = [kind for kind in self.sharding if kind not in possible]
        if wrong:
            raise ValueError(f"sharding: {wrong[0]!r} can't run on {self.device}; choose among {', '.join(possible)}")
        if self.world % self.local_world:
            raise ValueError(
                f"topology: {self.world} workers don't fill hosts of {self.local_world}; "
                "make workers_per_host a divisor of workers"
            )

    @property
    def sharding_types(self) -> tuple[str, ...]:
        """Data-parallel tables are dense on every rank and reduced whole: only where asked for, or on GPUs."""
        return self.sharding or (ON_CPU[:2] if self.device == "cpu" else ON_GPU)


def plan(collection: nn.Module, tables: Sequence[Table], machine: Machine, batch_size: int) -> ShardingPlan:
    """A sharding plan for an `EmbeddingBagCollection` (which may be on the meta device).

    TorchRec's default proposes from a grid and a dynamic program over every table's every shard count, which grows
    beyond use with hundreds of tables on dozens of ranks. Greedy descent with a bound on fruitless tries, then one
    uniform plan a type, finds the same placements in seconds.
    """
    memory = {"hbm_cap" if machine.device == "cuda" else "ddr_cap": machine.memory_bytes}
    topology = Topology(
        world_size=machine.world,
        local_world_size=machine.local_world,
        compute_device=machine.device,
        **{name: value for name, value in memory.items() if value is not None},
    )
    planner = EmbeddingShardingPlanner(
        topology=topology,
        batch_size=batch_size,
        proposer=[GreedyProposer(threshold=GREEDY_TRIES), UniformProposer()],
        constraints={module_name(table.name): _constraint(table, machine) for table in tables},
        storage_reservation=FixedPercentageStorageReservation(0.1),
        debug=False,
    )
    return planner.plan(collection, [EmbeddingBagCollectionSharder()])


def _constraint(table: Table, machine: Machine) -> ParameterConstraints:
    """Column-wise only where a table is wide enough to halve; whole tables otherwise."""
    allowed = [kind for kind in machine.sharding_types if kind != "column_wise" or table.stored_dim >= 2 * MIN_COLUMNS]
    kernels = [EmbeddingComputeKernel.FUSED.value, EmbeddingComputeKernel.DENSE.value]
    return ParameterConstraints(
        sharding_types=allowed or ["table_wise"],
        compute_kernels=kernels,
        min_partition=min(MIN_COLUMNS, table.stored_dim),
    )
