"""The field-aware factorization machine (Juan et al. 2016) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, P pairs of features.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.factors import new_projection, pair_indices, project
from trainers.models.backbones.ffm import FfmSpec


class Ffm(Backbone):
    """logit = w · x + b + Σ_{i<j} ⟨v_ij, v_ji⟩ (Juan et al. 2016, §3), v_ij = P_ij x_i what feature i shows to j.

    The paper's model has no linear part; here it has, as in its authors' later release and in the other factorization
    machines. Every label has the same sum over pairs.
    """

    pairs_2P: torch.Tensor

    spec: FfmSpec

    def __init__(self, layout: FeatureLayout, spec: FfmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CM = new_projection(layout, len(layout) * spec.factors, scale=spec.factors**-0.5)
        self.register_buffer("pairs_2P", pair_indices(layout), persistent=False)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        linear_BT: torch.Tensor = self.linear(x_BC)
        v_BFFK = project(self.layout, x_BC, self.projection_CM).unflatten(2, (len(self.layout), self.spec.factors))
        left_P, right_P = self.pairs_2P
        products_BPK = v_BFFK[:, left_P, right_P] * v_BFFK[:, right_P, left_P]
        pairs_B: torch.Tensor = products_BPK.sum((1, 2))
        return linear_BT + pairs_B[:, None]
