"""xDeepFM (Lian et al. 2018) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, H crosses of a layer, T labels.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.factors import new_projection, project
from trainers.models.backbones.xdeepfm import XDeepFmSpec


class CompressedInteraction(nn.Module):
    """One layer: x_h = Σ_ij W_hij (x_i ∘ v_j) over the crosses x_i before it and the features v_j
    (Lian et al. 2018, Eq. 6).
    """

    def __init__(self, before: int, features: int, maps: int) -> None:
        super().__init__()
        # Sums of before × features terms of variance 1 keep a variance of 1.
        self.weight_HGF = nn.Parameter(torch.randn(maps, before, features) * (before * features) ** -0.5)

    def forward(self, x_BGK: torch.Tensor, v_BFK: torch.Tensor) -> torch.Tensor:
        """x_BHK."""
        products_BGFK = x_BGK[:, :, None] * v_BFK[:, None]
        return torch.einsum("bgfk,hgf->bhk", products_BGFK, self.weight_HGF)


class XDeepFm(Backbone):
    """logit = w · x + b + w_c · p + MLP(x), p the crosses of all layers summed over their K coordinates (Eq. 7).

    v_i = P_i x_i is a projection of feature i to K factors. The layers have no activation, as in the paper's best.
    """

    spec: XDeepFmSpec

    def __init__(self, layout: FeatureLayout, spec: XDeepFmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        sizes = (len(layout), *spec.cross_maps)
        self.crosses = nn.ModuleList(
            CompressedInteraction(before, len(layout), maps) for before, maps in itertools.pairwise(sizes)
        )
        self.out = nn.Linear(sum(spec.cross_maps), labels, bias=False)
        self.deep = deep_network(layout.total, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(x_BC)
        crosses_BT: torch.Tensor = self.out(self._crosses(x_BC))
        return linear_BT + crosses_BT + deep_BT

    def _crosses(self, x_BC: torch.Tensor) -> torch.Tensor:
        """The crosses of all layers, pooled."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        crossed_BHK, pooled = v_BFK, []
        for layer in self.crosses:
            crossed_BHK = layer(crossed_BHK, v_BFK)
            pooled.append(crossed_BHK.sum(2))
        return torch.cat(pooled, 1)
