"""The factorization machine (Rendle 2010) over features of any dims.

Shapes: B rows, C = Σ dims columns, K factors.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.factors import cut_factors, new_projection, project, sum_pairs
from trainers.models.backbones.fm import FmSpec


class Fm(Backbone):
    """logit = w · x + b + Σ_{i<j} ⟨v_i, v_j⟩ (Rendle 2010, Eq. 1), v_i = P_i x_i a projection to K factors.

    The sum over pairs is ½ (‖Σ v_i‖² − Σ ‖v_i‖²) (Rendle 2010, Lemma 3.1); every label has the same. A pruned feature's
    v_i is constant: it goes into `fixed_K` and the bias, so pruning is exact.
    """

    fixed_K: torch.Tensor
    offset_FK: torch.Tensor | None

    spec: FmSpec

    def __init__(self, layout: FeatureLayout, spec: FmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors, scale=spec.factors**-0.5)
        self.register_buffer("fixed_K", torch.zeros(spec.factors))
        self.register_buffer("offset_FK", None)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        linear_BT: torch.Tensor = self.linear(x_BC)
        crosses_BK = sum_pairs(project(self.layout, x_BC, self.projection_CK, self.offset_FK), self.fixed_K)
        return linear_BT + crosses_BK.sum(1, keepdim=True)

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, Fm)
        cut_linear(self.linear, small.linear, columns, gone, baseline_C)
        small.linear.bias.sub_(cut_factors(self, small, columns, gone, baseline_C).sum())
