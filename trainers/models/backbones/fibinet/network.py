"""FiBiNET (Huang et al. 2019) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, P pairs of features, M matrices, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.factors import new_projection, pair_indices, project
from trainers.models.backbones.fibinet import FiBiNetSpec


class SqueezeExcitation(nn.Module):
    """u_i = a_i v_i, with a = ReLU(W_2 ReLU(W_1 z)) and z_i the mean of v_i (Huang et al. 2019, SENET layer)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(features, units, bias=False)
        self.excite = nn.Linear(units, features, bias=False)
        # Features begin with weights above 0: one of 0 for all rows would never get a gradient.
        with torch.no_grad():
            self.excite.weight.abs_()

    def forward(self, v_BFK: torch.Tensor) -> torch.Tensor:
        """u_BFK."""
        weight_BF = torch.relu(self.excite(torch.relu(self.squeeze(v_BFK.mean(2)))))
        return v_BFK * weight_BF[:, :, None]


class Bilinear(nn.Module):
    """p_ij = (v_i W) ∘ v_j of every pair (bilinear-interaction layer), with one W, one for each i, or one a pair."""

    pairs_2P: torch.Tensor
    matrix_P: torch.Tensor

    def __init__(self, layout: FeatureLayout, spec: FiBiNetSpec) -> None:
        super().__init__()
        self.register_buffer("pairs_2P", pair_indices(layout), persistent=False)
        pairs = self.pairs_2P.shape[1]
        numbers = {"all": torch.zeros(pairs).long(), "each": self.pairs_2P[0], "interaction": torch.arange(pairs)}
        self.register_buffer("matrix_P", numbers[spec.bilinear], persistent=False)
        size = spec.factors
        self.weight_MKK = nn.Parameter(torch.randn(spec.matrices(len(layout)), size, size) * size**-0.5)

    def forward(self, v_BFK: torch.Tensor) -> torch.Tensor:
        """p_BPK."""
        left_P, right_P = self.pairs_2P
        if len(self.weight_MKK) == 1:
            return (v_BFK @ self.weight_MKK[0])[:, left_P] * v_BFK[:, right_P]
        turned_BPK = torch.einsum("bpk,pkl->bpl", v_BFK[:, left_P], self.weight_MKK[self.matrix_P])
        return turned_BPK * v_BFK[:, right_P]


class FiBiNet(Backbone):
    """logit = w · x + b + MLP([p, q]), p the bilinear crosses of the features v_i, q those of the weighted ones.

    v_i = P_i x_i is a projection of feature i to K factors.
    """

    spec: FiBiNetSpec

    def __init__(self, layout: FeatureLayout, spec: FiBiNetSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        features = len(layout)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        self.weigh = SqueezeExcitation(features, spec.units(features))
        self.plain, self.weighted = Bilinear(layout, spec), Bilinear(layout, spec)
        self.deep = deep_network(features * (features - 1) * spec.factors, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        crosses = torch.cat([self.plain(v_BFK), self.weighted(self.weigh(v_BFK))], 1)
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(crosses.flatten(1))
        return linear_BT + deep_BT
