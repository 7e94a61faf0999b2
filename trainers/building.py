"""From a spec to a model on this rank's device."""

from __future__ import annotations

import torch

from sharding.layout import FeatureLayout
from sharding.parallel import ShardedEmbeddings, TableOptimizer
from sharding.planner import Machine
from trainers.backbones import build_backbone
from trainers.data.statistics import DenseStatistics
from trainers.gate import LeapGate
from trainers.model import GatedModel, Inputs, PlainModel, tables_of
from trainers.place import Place
from trainers.spec import JobSpec


def build_plain(spec: JobSpec, place: Place, statistics: DenseStatistics) -> PlainModel:
    """A ranking model with fresh weights, the same on every rank. `spec` must be arranged."""
    torch.manual_seed(spec.training.seed)
    # Before the tables: how many random numbers making those draws differs from rank to rank.
    backbone = build_backbone(FeatureLayout.from_dims(spec.dims), spec.model).to(place.device)
    mean_D, std_D = torch.from_numpy(statistics.mean_D), torch.from_numpy(statistics.std_D)
    inputs = Inputs(spec, _embeddings(spec, place), mean_D, std_D).to(place.device)
    return PlainModel(inputs, backbone)


def build_gated(spec: JobSpec, place: Place, statistics: DenseStatistics) -> GatedModel:
    """The same model behind the selector's gate."""
    plain = build_plain(spec, place, statistics)
    essential = [feature.name for feature in spec.features if spec.is_essential(feature)]
    gate = LeapGate(plain.inputs.layout, spec.selector, essential=essential).to(place.device)
    return GatedModel(plain.inputs, gate, plain.backbone)


def _embeddings(spec: JobSpec, place: Place) -> ShardedEmbeddings | None:
    tables = tables_of(spec)
    if not tables:
        return None
    topology = spec.scaling.topology
    machine = Machine(
        world=place.world,
        local_world=topology.workers_per_host or place.local_world,
        device=place.device.type,
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
        device=place.device,
        seed=spec.training.seed,
        batch_size=spec.training.batch_size,
    )
