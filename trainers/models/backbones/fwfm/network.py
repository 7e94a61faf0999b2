"""The field-weighted factorization machine (Pan et al. 2018) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, P pairs of features, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.factors import new_projection, pair_indices, project
from trainers.models.backbones.fwfm import FwFmSpec


class FwFm(Backbone):
    """logit = w · x + b + Σ_{i<j} r_ij ⟨v_i, v_j⟩ (Pan et al. 2018, §4), v_i = P_i x_i and r_ij a weight of the pair.

    It starts as a factorization machine, all r_ij being 1.
    """

    pairs_2P: torch.Tensor

    spec: FwFmSpec

    def __init__(self, layout: FeatureLayout, spec: FwFmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors, scale=spec.factors**-0.5)
        self.register_buffer("pairs_2P", pair_indices(layout), persistent=False)
        self.strength_TP = nn.Parameter(torch.ones(labels, self.pairs_2P.shape[1]))

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        linear_BT: torch.Tensor = self.linear(x_BC)
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        left_P, right_P = self.pairs_2P
        products_BP = (v_BFK @ v_BFK.mT)[:, left_P, right_P]
        return linear_BT + products_BP @ self.strength_TP.T
