"""The neural factorization machine (He & Chua 2017) over features of any dims.

Shapes: B rows, C = Σ dims columns, K factors, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear, deep_network
from trainers.models.backbones.factors import cut_factors, new_projection, project, sum_pairs
from trainers.models.backbones.nfm import NfmSpec


class Nfm(Backbone):
    """logit = w · x + b + MLP(Σ_{i<j} v_i ∘ v_j) (He & Chua 2017, Eqs. 2 and 3), v_i = P_i x_i of K factors.

    The sum over pairs is ½ ((Σ v_i)² − Σ v_i²) by coordinate (Eq. 4). A pruned feature's v_i is constant: `fixed_K` has
    their sum and `squares_K` half of their squares, so pruning is exact.
    """

    fixed_K: torch.Tensor
    offset_FK: torch.Tensor | None
    squares_K: torch.Tensor

    spec: NfmSpec

    def __init__(self, layout: FeatureLayout, spec: NfmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        # With F features of variance 1, a coordinate's sum over pairs has a variance below 1.
        self.projection_CK = new_projection(layout, spec.factors, scale=len(layout) ** -0.5)
        self.register_buffer("fixed_K", torch.zeros(spec.factors))
        self.register_buffer("offset_FK", None)
        self.register_buffer("squares_K", torch.zeros(spec.factors))
        self.deep = deep_network(spec.factors, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        v_BFK = project(self.layout, x_BC, self.projection_CK, self.offset_FK)
        pairs_BK = sum_pairs(v_BFK, self.fixed_K) - self.squares_K
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(pairs_BK)
        return linear_BT + deep_BT

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, Nfm)
        cut_linear(self.linear, small.linear, columns, gone, baseline_C)
        squares_K = cut_factors(self, small, columns, gone, baseline_C)
        small.squares_K.copy_(self.squares_K + squares_K)
