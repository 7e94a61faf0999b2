"""A multilayer perceptron over the concatenation."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear, perceptron
from trainers.spec import MlpSpec


class Mlp(Backbone):
    """logit = w · MLP(x) + b. Pruning is exact."""

    def __init__(self, layout: FeatureLayout, spec: MlpSpec) -> None:
        super().__init__(layout)
        self.spec = spec
        self.hidden = perceptron(layout.total, spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.out = nn.Linear(spec.hidden[-1] if spec.hidden else layout.total, 1)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        logit_B1: torch.Tensor = self.out(self.hidden(x_BC))
        return logit_B1.squeeze(1)

    def _smaller(self, layout: FeatureLayout) -> Mlp:
        return Mlp(layout, self.spec)

    def _cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, Mlp)
        cut_linear(_first(self), _first(small), columns, gone, baseline_C)


def _first(model: Mlp) -> nn.Linear:
    first = model.hidden[0] if len(model.hidden) else model.out
    assert isinstance(first, nn.Linear)
    return first
