"""GDCN (Wang et al. 2023), parallel form."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.gdcn import GdcnSpec


class GatedCross(nn.Module):
    """x_{l+1} = x_0 ⊙ (W_c x_l + b) ⊙ σ(W_g x_l) + x_l (Wang et al. 2023, gated cross layer)."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.cross = nn.Linear(columns, columns)
        self.gate = nn.Linear(columns, columns, bias=False)

    def forward(self, x0_BC: torch.Tensor, x_BC: torch.Tensor) -> torch.Tensor:
        """The next x_BC."""
        crossed_BC: torch.Tensor = self.cross(x_BC)
        return x0_BC * crossed_BC * torch.sigmoid(self.gate(x_BC)) + x_BC


class Gdcn(Backbone):
    """logit = w · Cross(x) + b + MLP(x), with gated cross layers.

    It takes unequal dims as they are. Every column passes through all cross layers, so pruning keeps the network.
    """

    spec: GdcnSpec

    def __init__(self, layout: FeatureLayout, spec: GdcnSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.crosses = nn.ModuleList(GatedCross(layout.total) for _ in range(spec.cross_layers))
        self.out = nn.Linear(layout.total, labels)
        self.deep = deep_network(layout.total, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        crossed_BC = x_BC
        for layer in self.crosses:
            crossed_BC = layer(x_BC, crossed_BC)
        crossed_BT: torch.Tensor = self.out(crossed_BC)
        deep_BT: torch.Tensor = self.deep(x_BC)
        return crossed_BT + deep_BT
