"""DeepFM (Guo et al. 2017) over features of any dims.

Shapes: B rows, C = Σ dims columns, K factors.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, cut_linear
from trainers.models.backbones.deepfm import DeepFmSpec
from trainers.models.backbones.mlp import MlpSpec
from trainers.models.backbones.mlp.network import Mlp


class DeepFm(Backbone):
    """logit = w · x + b + Σ_{i<j} ⟨v_i, v_j⟩ + MLP(x), with v_i = P_i x_i a projection of feature i to K factors.

    Σ_{i<j} ⟨v_i, v_j⟩ = ½ (‖Σ v_i‖² − Σ ‖v_i‖²). A pruned feature's v_i is constant: its sum is the constant
    vector `fixed_K` inside the first norm, and its own square falls into the bias, so pruning is exact.
    """

    feature_C: torch.Tensor
    fixed_K: torch.Tensor

    spec: DeepFmSpec

    def __init__(self, layout: FeatureLayout, spec: DeepFmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        deep = MlpSpec(backbone="mlp", hidden=spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        self.deep = Mlp(layout, deep, labels)
        self.projection_CK = nn.Parameter(torch.empty(layout.total, spec.factors))
        dims = torch.tensor(layout.dims)
        feature_C = torch.arange(len(layout)).repeat_interleave(dims)
        with torch.no_grad():
            self.projection_CK.normal_().div_(dims[feature_C].sqrt()[:, None] * spec.factors**0.5)
        self.register_buffer("feature_C", feature_C, persistent=False)
        self.register_buffer("fixed_K", torch.zeros(spec.factors))

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(x_BC)
        return linear_BT + deep_BT + self._crosses(x_BC)[:, None]

    def _crosses(self, x_BC: torch.Tensor) -> torch.Tensor:
        """Σ_{i<j} ⟨v_i, v_j⟩ of each row (B); every label has the same."""
        whole_BK = x_BC @ self.projection_CK + self.fixed_K
        own = []
        for features, columns, dim in self.layout.runs:
            shape = (features.stop - features.start, dim)
            x_Bnd = x_BC[:, columns].unflatten(1, shape)
            projection_ndK = self.projection_CK[columns].unflatten(0, shape)
            own.append(torch.einsum("bnd,ndk->bnk", x_Bnd, projection_ndK).square().sum((1, 2)))
        own_B = own[0] if len(own) == 1 else torch.stack(own).sum(0)
        return 0.5 * (whole_BK.square().sum(1) - own_B)

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        assert isinstance(small, DeepFm)
        cut_linear(self.linear, small.linear, columns, gone, baseline_C)
        self.deep.cut(small.deep, columns, gone, baseline_C)
        small.projection_CK.copy_(self.projection_CK[columns])
        small.fixed_K.copy_(self.fixed_K + baseline_C[gone] @ self.projection_CK[gone])
        part_CK = baseline_C[:, None] * self.projection_CK
        own_FK = torch.zeros(len(self.layout), self.spec.factors, device=part_CK.device)
        own_FK.index_add_(0, self.feature_C, part_CK)
        pruned_F = torch.zeros(len(self.layout), dtype=torch.bool, device=part_CK.device)
        pruned_F[self.feature_C[gone]] = True
        small.linear.bias.sub_(0.5 * own_FK[pruned_F].square().sum())
