"""Wide & Deep (Cheng et al. 2016), the backbone of the LeAP paper's public experiments."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.mlp.network import Mlp
from trainers.spec import MlpSpec, WideDeepSpec


class WideDeep(Backbone):
    """logit = w · x + b + MLP(x): the wide part reads the same concatenation. Pruning is exact."""

    def __init__(self, layout: FeatureLayout, spec: WideDeepSpec) -> None:
        super().__init__(layout)
        self.spec = spec
        self.wide = nn.Linear(layout.total, 1)
        deep = MlpSpec(backbone="mlp", hidden=spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.deep = Mlp(layout, deep)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        wide_B1: torch.Tensor = self.wide(x_BC)
        deep_B: torch.Tensor = self.deep(x_BC)
        return wide_B1.squeeze(1) + deep_B

    def _smaller(self, layout: FeatureLayout) -> WideDeep:
        return WideDeep(layout, self.spec)

    def _cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, WideDeep)
        cut_linear(self.wide, small.wide, columns, gone, baseline_C)
        self.deep._cut(small.deep, columns, gone, baseline_C)
