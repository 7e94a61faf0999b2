"""DLRM (Naumov et al. 2019) over features of any dims, on TorchRec's interaction layer.

Shapes: B rows, C = Σ dims columns, S columns of scalars, K factors, T labels.
"""

from __future__ import annotations

import torch
from torch import nn
from torchrec.models.dlrm import InteractionArch

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network, perceptron
from trainers.models.backbones.dlrm import DlrmSpec
from trainers.models.backbones.factors import new_projection, project


class Dlrm(Backbone):
    """logit = MLP([z, ⟨v_i, v_j⟩ of all pairs]), z = v_0 a perceptron over the scalars (Naumov et al. 2019, §2).

    The features of one dim are the paper's dense ones. Each other feature is projected to K factors, v_i = P_i x_i.
    Where no feature is a scalar, z is a learned constant.
    """

    columns_S: torch.Tensor
    columns_D: torch.Tensor

    spec: DlrmSpec

    def __init__(self, layout: FeatureLayout, spec: DlrmSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        dims = dict(zip(layout.names, layout.dims, strict=True))
        wide = [name for name in layout.names if dims[name] > 1]
        self.wide = layout.keep(wide)
        scalars = layout.columns(set(layout.names) - set(wide))
        self.register_buffer("columns_S", torch.tensor(scalars, dtype=torch.long), persistent=False)
        self.register_buffer("columns_D", torch.tensor(layout.columns(wide), dtype=torch.long), persistent=False)
        self.bottom: nn.Module | None = None
        self.constant_K: nn.Parameter | None = None
        if scalars:
            layers = perceptron(len(scalars), spec.bottom, dropout=spec.dropout, batch_norm=spec.batch_norm)
            layers.append(nn.Linear(spec.bottom[-1] if spec.bottom else len(scalars), spec.factors))
            self.bottom = layers
        else:
            self.constant_K = nn.Parameter(torch.randn(spec.factors))
        self.projection_DK = new_projection(self.wide, spec.factors) if wide else None
        self.interaction = InteractionArch(num_sparse_features=len(wide))
        self.deep = deep_network(spec.factors + (len(wide) + 1) * len(wide) // 2, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        z_BK = self._dense(x_BC)
        if self.projection_DK is not None:
            z_BK = self.interaction(z_BK, project(self.wide, x_BC[:, self.columns_D], self.projection_DK))
        logits_BT: torch.Tensor = self.deep(z_BK)
        return logits_BT

    def _dense(self, x_BC: torch.Tensor) -> torch.Tensor:
        """z_BK."""
        if self.bottom is None:
            assert self.constant_K is not None
            return self.constant_K.expand(len(x_BC), -1)
        z_BK: torch.Tensor = self.bottom(x_BC[:, self.columns_S])
        return z_BK
