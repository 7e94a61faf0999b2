"""The ranking model: inputs and backbone, with a gate between them while features are selected.

Shapes: B rows, T labels.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType

import torch

from sharding.layout import KeptDims
from trainers.models.backbones.base import Backbone
from trainers.models.batch import Batch
from trainers.models.inputs import Inputs
from trainers.selectors.gates.base import Gate, GateContext


@dataclass
class GatedModel:
    """What the search trains."""

    inputs: Inputs
    gate: Gate
    backbone: Backbone

    def train(self, mode: bool = True) -> None:
        for part in (self.inputs, self.gate, self.backbone):
            part.train(mode)

    def logits(self, batch: Batch) -> torch.Tensor:
        """In evaluation mode: the gated model's deterministic prediction, logits_BT."""
        out: torch.Tensor = self.backbone(self.gate(self.inputs(batch), GateContext(batch)))
        return out

    @property
    def plain_model(self) -> PlainModel:
        """The same inputs and backbone without the gate."""
        return PlainModel(self.inputs, self.backbone)


@dataclass
class PlainModel:
    """A ranking model without a gate: the full one, or a pruned one."""

    inputs: Inputs
    backbone: Backbone

    def train(self, mode: bool = True) -> None:
        for part in (self.inputs, self.backbone):
            part.train(mode)

    def logits(self, batch: Batch) -> torch.Tensor:
        """logits_BT."""
        out: torch.Tensor = self.backbone(self.inputs(batch))
        return out

    def pruned(self, names: Collection[str], kept_dims: KeptDims = MappingProxyType({})) -> PlainModel:
        """The smaller model that starts where this one stands, the pruned columns' means folded in.

        Args:
            names: of the features that stay.
            kept_dims: of those that keep some of their columns alone, which, as the layout counts them.
        """
        kept = [name for name in self.inputs.layout.names if name in set(names)]
        backbone = self.backbone.pruned(kept, self.inputs.baseline.mean_C, kept_dims)
        return PlainModel(self.inputs.keep(kept, kept_dims), backbone)
