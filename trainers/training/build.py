"""From a spec to a model on this rank's device."""

from __future__ import annotations

import torch

from sharding.layout import FeatureLayout
from sharding.parallel import ShardedEmbeddings, TableOptimizer
from sharding.planner import Machine
from trainers.models.inputs import Inputs, tables_of
from trainers.models.ranking import GatedModel, PlainModel
from trainers.selectors.base import GateSpec
from trainers.spec import JobSpec
from trainers.spec.plan import LARGEST_BATCH
from trainers.training.ranks import RankContext


def build_plain(spec: JobSpec, ranks: RankContext) -> PlainModel:
    """A ranking model with fresh weights, the same on every rank. `spec` must be in canonical order."""
    torch.manual_seed(spec.training.seed)
    # Before the tables: how many random numbers making those draws differs from rank to rank.
    layout, labels = FeatureLayout.from_dims(spec.dims), len(spec.dataset.labels)
    backbone = spec.model.build(layout, labels).to(ranks.device)
    inputs = Inputs(spec, _embeddings(spec, ranks)).to(ranks.device)
    return PlainModel(inputs, backbone)


def build_gated(spec: JobSpec, ranks: RankContext) -> GatedModel:
    """The same model behind the selector's gate. The selector must be one of the gates."""
    assert isinstance(spec.selector, GateSpec)
    plain = build_plain(spec, ranks)
    essential = [feature.name for feature in spec.features if spec.is_essential(feature)]
    with torch.random.fork_rng(devices=[]):
        # Gates with weights of their own have the same on every rank, whatever making the tables drew.
        torch.manual_seed(spec.training.seed)
        gate = spec.selector.build_for(spec.features, plain.inputs.layout, plain.inputs.baseline, essential)
    return GatedModel(plain.inputs, gate.to(ranks.device), plain.backbone)


def _embeddings(spec: JobSpec, ranks: RankContext) -> ShardedEmbeddings | None:
    tables = tables_of(spec)
    if not tables:
        return None
    topology = spec.scaling.topology
    machine = Machine(
        world=ranks.world,
        local_world=topology.workers_per_host or ranks.local_world,
        device=ranks.device.type,
        memory_bytes=topology.memory_bytes,
        sharding=topology.sharding,
    )
    return ShardedEmbeddings(
        tables,
        TableOptimizer(
            learning_rate=spec.training.table_learning_rate,
            kind=spec.training.embedding_optimizer,
            weight_decay=spec.training.weight_decay,
        ),
        machine=machine,
        device=ranks.device,
        seed=spec.training.seed,
        batch_size=spec.training.batch_size or LARGEST_BATCH,
    )
