"""AutoInt (Song et al. 2019) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K dims of attention.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.autoint import AutoIntSpec
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.factors import new_projection, project


class AttentionLayer(nn.Module):
    """e ← ReLU(Attention(e) + W e) (Song et al. 2019, Eqs. 5 to 8), every feature attending to all.

    Attention is torch's, which mixes the heads by one more matrix than the paper.
    """

    def __init__(self, spec: AutoIntSpec) -> None:
        super().__init__()
        dim = spec.attention_dim
        self.attention = nn.MultiheadAttention(dim, spec.heads, dropout=spec.dropout, bias=False, batch_first=True)
        self.residual = nn.Linear(dim, dim, bias=False)

    def forward(self, e_BFK: torch.Tensor) -> torch.Tensor:
        attended_BFK, _ = self.attention(e_BFK, e_BFK, e_BFK, need_weights=False)
        return torch.relu(attended_BFK + self.residual(e_BFK))


class AutoInt(Backbone):
    """logit = w · Layers(e) + b, with e_i = P_i x_i a projection of feature i to K dims.

    A pruned feature stays in the attention at its baseline, so pruning keeps the network: exact, and no smaller.
    """

    spec: AutoIntSpec

    def __init__(self, layout: FeatureLayout, spec: AutoIntSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        dim = spec.attention_dim
        self.projection_CK = new_projection(layout, dim)
        self.layers = nn.Sequential(*(AttentionLayer(spec) for _ in range(spec.attention_layers)))
        self.out = nn.Linear(len(layout) * dim, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        logits_BT: torch.Tensor = self.out(self.layers(project(self.layout, x_BC, self.projection_CK)).flatten(1))
        return logits_BT
