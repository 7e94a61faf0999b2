"""DeepFM (Guo et al. 2017) over features of any dims.

Shapes: B rows, C = Σ dims columns, K factors.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.deepfm import DeepFmSpec
from trainers.models.backbones.factors import cut_factors, new_projection, project, sum_pairs
from trainers.models.backbones.mlp import MlpSpec
from trainers.models.backbones.mlp.network import Mlp


class DeepFm(Backbone):
    """logit = w · x + b + Σ_{i<j} ⟨v_i, v_j⟩ + MLP(x), with v_i = P_i x_i a projection of feature i to K factors.

    Σ_{i<j} ⟨v_i, v_j⟩ = ½ (‖Σ v_i‖² − Σ ‖v_i‖²). A pruned feature's v_i is constant: its sum is the constant
    vector `fixed_K` inside the first norm, and its own square falls into the bias, so pruning is exact.
    """

    fixed_K: torch.Tensor
    offset_FK: torch.Tensor | None

    spec: DeepFmSpec

    def __init__(self, layout: FeatureLayout, spec: DeepFmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        deep = MlpSpec(backbone="mlp", hidden=spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.deep = Mlp(layout, deep, labels)
        self.projection_CK = new_projection(layout, spec.factors, scale=spec.factors**-0.5)
        self.register_buffer("fixed_K", torch.zeros(spec.factors))
        self.register_buffer("offset_FK", None)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(x_BC)
        return linear_BT + deep_BT + self._crosses(x_BC)[:, None]

    def _crosses(self, x_BC: torch.Tensor) -> torch.Tensor:
        """Σ_{i<j} ⟨v_i, v_j⟩ of each row (B); every label has the same."""
        return sum_pairs(project(self.layout, x_BC, self.projection_CK, self.offset_FK), self.fixed_K).sum(1)

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, DeepFm)
        cut_linear(self.linear, small.linear, columns, gone, baseline_C)
        self.deep.cut(small.deep, columns, gone, baseline_C)
        small.linear.bias.sub_(cut_factors(self, small, columns, gone, baseline_C).sum())
