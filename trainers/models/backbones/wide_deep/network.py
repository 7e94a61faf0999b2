"""Wide & Deep (Cheng et al. 2016), the backbone of the LeAP paper's public experiments."""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.mlp import MlpSpec
from trainers.models.backbones.mlp.network import Mlp
from trainers.models.backbones.wide_deep import WideDeepSpec


class WideDeep(Backbone):
    """logit = w · x + b + MLP(x): the wide part reads the same concatenation. Pruning is exact."""

    spec: WideDeepSpec

    def __init__(self, layout: FeatureLayout, spec: WideDeepSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.wide = nn.Linear(layout.total, labels)
        deep = MlpSpec(backbone="mlp", hidden=spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.deep = Mlp(layout, deep, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        wide_BT: torch.Tensor = self.wide(x_BC)
        deep_BT: torch.Tensor = self.deep(x_BC)
        return wide_BT + deep_BT

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, WideDeep)
        cut_linear(self.wide, small.wide, columns, gone, baseline_C)
        self.deep.cut(small.deep, columns, gone, baseline_C)
