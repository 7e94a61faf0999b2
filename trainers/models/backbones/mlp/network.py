"""A multilayer perceptron over the concatenation."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear, perceptron
from trainers.models.backbones.mlp import MlpSpec


class Mlp(Backbone):
    """logit = w · MLP(x) + b. Pruning is exact."""

    spec: MlpSpec

    def __init__(self, layout: FeatureLayout, spec: MlpSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.hidden = perceptron(layout.total, spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.out = nn.Linear(spec.hidden[-1] if spec.hidden else layout.total, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        logits_BT: torch.Tensor = self.out(self.hidden(x_BC))
        return logits_BT

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, Mlp)
        cut_linear(_first(self), _first(small), columns, gone, baseline_C)


def _first(model: Mlp) -> nn.Linear:
    first = model.hidden[0] if len(model.hidden) else model.out
    assert isinstance(first, nn.Linear)
    return first
