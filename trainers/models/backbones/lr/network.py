"""Logistic regression (Richardson et al. 2007) on the concatenation."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.lr import LrSpec


class Lr(Backbone):
    """logit = w · x + b, the log odds (Richardson et al. 2007, §4). Pruning is exact."""

    spec: LrSpec

    def __init__(self, layout: FeatureLayout, spec: LrSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        logits_BT: torch.Tensor = self.linear(x_BC)
        return logits_BT

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, Lr)
        cut_linear(self.linear, small.linear, columns, gone, baseline_C)
