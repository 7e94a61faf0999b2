"""MaskNet (Wang et al. 2021) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, H outputs of a block, W columns that a block masks, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.factors import new_projection, project
from trainers.models.backbones.masknet import MaskNetSpec


class MaskBlock(nn.Module):
    """h = ReLU(LN(W (m ⊙ y))), m = W_2 ReLU(W_1 x + b_1) + b_2 the row's instance-guided mask (Wang et al. 2021)."""

    def __init__(self, columns: int, width: int, spec: MaskNetSpec) -> None:
        super().__init__()
        self.mask = nn.Sequential(nn.Linear(columns, spec.mask_dim), nn.ReLU(), nn.Linear(spec.mask_dim, width))
        self.hidden = nn.Sequential(
            nn.Linear(width, spec.block_dim, bias=False), nn.LayerNorm(spec.block_dim), nn.ReLU()
        )

    def forward(self, x_BC: torch.Tensor, y_BW: torch.Tensor) -> torch.Tensor:
        """h_BH."""
        out_BH: torch.Tensor = self.hidden(self.mask(x_BC) * y_BW)
        return out_BH


class MaskNet(Backbone):
    """logit = MLP(blocks over y), with y_i = LN(P_i x_i + c_i) the layer-normalized projection of feature i.

    In serial form the first block masks the features and each other one the block before it; in parallel form all mask
    the features, and their outputs are concatenated. Masks are made from the concatenation itself. The constant c_i is
    ours: without it, layer normalization would leave of a scalar feature its sign alone.
    """

    spec: MaskNetSpec

    def __init__(self, layout: FeatureLayout, spec: MaskNetSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        self.shift_FK = nn.Parameter(torch.randn(len(layout), spec.factors))
        self.norm = nn.LayerNorm(spec.factors)
        features, serial = len(layout) * spec.factors, spec.structure == "serial"
        later = spec.block_dim if serial else features
        widths = [features] + [later] * (spec.blocks - 1)
        self.blocks = nn.ModuleList(MaskBlock(layout.total, width, spec) for width in widths)
        self.deep = deep_network(spec.block_dim * (1 if serial else spec.blocks), spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        v_BFK = project(self.layout, x_BC, self.projection_CK) + self.shift_FK
        y_BW = self.norm(v_BFK).flatten(1)
        if self.spec.structure == "serial":
            for block in self.blocks:
                y_BW = block(x_BC, y_BW)
        else:
            y_BW = torch.cat([block(x_BC, y_BW) for block in self.blocks], 1)
        logits_BT: torch.Tensor = self.deep(y_BW)
        return logits_BT
