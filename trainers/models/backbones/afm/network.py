"""The attentional factorization machine (Xiao et al. 2017) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, P pairs of features, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.afm import AfmSpec
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.factors import new_projection, pair_indices, project


class Afm(Backbone):
    """logit = w · x + b + p · Σ_{i<j} a_ij (v_i ∘ v_j) (Xiao et al. 2017, Eq. 6), v_i = P_i x_i of K factors.

    The attention is a_ij = softmax_ij h · ReLU(W (v_i ∘ v_j) + b) (Eq. 5).
    """

    pairs_2P: torch.Tensor

    spec: AfmSpec

    def __init__(self, layout: FeatureLayout, spec: AfmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        self.register_buffer("pairs_2P", pair_indices(layout), persistent=False)
        self.attention = nn.Sequential(
            nn.Linear(spec.factors, spec.attention_dim), nn.ReLU(), nn.Linear(spec.attention_dim, 1, bias=False)
        )
        self.dropout = nn.Dropout(spec.dropout)
        self.out = nn.Linear(spec.factors, labels, bias=False)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        linear_BT: torch.Tensor = self.linear(x_BC)
        products_BPK = self._products(x_BC)
        pooled_BK = (self._attend(products_BPK)[:, :, None] * products_BPK).sum(1)
        crosses_BT: torch.Tensor = self.out(self.dropout(pooled_BK))
        return linear_BT + crosses_BT

    def _products(self, x_BC: torch.Tensor) -> torch.Tensor:
        """v_i ∘ v_j of every pair (B × P × K)."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        left_P, right_P = self.pairs_2P
        return v_BFK[:, left_P] * v_BFK[:, right_P]

    def _attend(self, products_BPK: torch.Tensor) -> torch.Tensor:
        """a_BP, which sums to 1 over the pairs of a row."""
        logits_BP1: torch.Tensor = self.attention(products_BPK)
        return torch.softmax(logits_BP1[:, :, 0], 1)
