"""DCN v2 (Wang et al. 2021), parallel form, on TorchRec's low-rank cross network."""

from __future__ import annotations

import torch
from torch import nn
from torchrec.modules.crossnet import LowRankCrossNet

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.dcnv2 import DcnV2Spec
from trainers.models.backbones.mlp import MlpSpec
from trainers.models.backbones.mlp.network import Mlp


class DcnV2(Backbone):
    """logit = w · Cross(x) + b + MLP(x), with x_{l+1} = x_0 ⊙ (W_l V_l x_l + b_l) + x_l.

    Pruning is approximate. Pruned coordinates don't stay at their baseline through the layers: they become
    x̄ ⊙ (W V x + b) + …, which moves with the kept ones. Each layer's bias takes their share as it is when the kept
    ones are at their baseline too; the rest, second order in small baselines, is left to fine-tuning.
    """

    spec: DcnV2Spec

    def __init__(self, layout: FeatureLayout, spec: DcnV2Spec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.cross = LowRankCrossNet(in_features=layout.total, num_layers=spec.cross_layers, low_rank=spec.rank)
        self.out = nn.Linear(layout.total, labels)
        deep = MlpSpec(backbone="mlp", hidden=spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.deep = Mlp(layout, deep, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        crossed_BT: torch.Tensor = self.out(self.cross(x_BC))
        deep_BT: torch.Tensor = self.deep(x_BC)
        return crossed_BT + deep_BT

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, DcnV2)
        self.deep.cut(small.deep, columns, gone, baseline_C)
        x_C = baseline_C
        ours, theirs = self.cross, small.cross
        for layer in range(self.spec.cross_layers):
            wide_CR, narrow_RC, bias_C = ours.W_kernels[layer], ours.V_kernels[layer], ours.bias[layer]
            theirs.W_kernels[layer].copy_(wide_CR[columns])
            theirs.V_kernels[layer].copy_(narrow_RC[:, columns])
            shift_C = wide_CR @ (narrow_RC[:, gone] @ x_C[gone])
            theirs.bias[layer].copy_((bias_C + shift_C)[columns])
            x_C = baseline_C * (wide_CR @ (narrow_RC @ x_C) + bias_C) + x_C
        cut_linear(self.out, small.out, columns, gone, x_C)
