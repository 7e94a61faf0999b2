"""AutoInt (Song et al. 2019) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K dims of attention.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.autoint import AutoIntSpec
from trainers.models.backbones.base import Backbone


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
        self.projection_CK = nn.Parameter(torch.empty(layout.total, dim))
        dims_C = torch.tensor(layout.dims).repeat_interleave(torch.tensor(layout.dims))
        with torch.no_grad():
            self.projection_CK.normal_().div_(dims_C.sqrt()[:, None])
        self.layers = nn.Sequential(*(AttentionLayer(spec) for _ in range(spec.attention_layers)))
        self.out = nn.Linear(len(layout) * dim, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        logits_BT: torch.Tensor = self.out(self.layers(self._project(x_BC)).flatten(1))
        return logits_BT

    def _project(self, x_BC: torch.Tensor) -> torch.Tensor:
        """e_BFK."""
        parts = []
        for features, columns, dim in self.layout.runs:
            shape = (features.stop - features.start, dim)
            x_Bnd = x_BC[:, columns].unflatten(1, shape)
            projection_ndK = self.projection_CK[columns].unflatten(0, shape)
            parts.append(torch.einsum("bnd,ndk->bnk", x_Bnd, projection_ndK))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
