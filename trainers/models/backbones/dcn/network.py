"""DCN, the first version (Wang et al. 2017), on TorchRec's cross network of rank one."""

from __future__ import annotations

import torch
from torch import nn
from torchrec.modules.crossnet import VectorCrossNet

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.dcn import DcnSpec


class Dcn(Backbone):
    """logit = w · Cross(x) + b + MLP(x), with x_{l+1} = x_0 (x_l · w_l) + b_l + x_l (Wang et al. 2017, Eq. 3).

    It takes unequal dims as they are. Every column passes through all cross layers, so pruning keeps the network.
    """

    spec: DcnSpec

    def __init__(self, layout: FeatureLayout, spec: DcnSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.cross = VectorCrossNet(in_features=layout.total, num_layers=spec.cross_layers)
        self.out = nn.Linear(layout.total, labels)
        self.deep = deep_network(layout.total, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        crossed_BT: torch.Tensor = self.out(self.cross(x_BC))
        deep_BT: torch.Tensor = self.deep(x_BC)
        return crossed_BT + deep_BT
