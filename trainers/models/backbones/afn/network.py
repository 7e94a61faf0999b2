"""The adaptive factorization network (Cheng et al. 2020) over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, H logarithmic neurons, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.afn import AfnSpec
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.factors import new_projection, project

SMALLEST = 1e-4  # of the absolute values whose logarithm is taken


class Afn(Backbone):
    """logit = MLP(y), with y_h = exp(Σ_i w_hi ln |v_i|) = Π_i |v_i|^w_hi by coordinate (Cheng et al. 2020).

    v_i = P_i x_i is a projection of feature i to K factors. Logarithms need positive numbers: as in the paper, absolute
    values are taken, and none below a smallest one. The logarithms of each feature and the outputs of each neuron are
    batch-normalized, which keeps the exponential in range.
    """

    spec: AfnSpec

    def __init__(self, layout: FeatureLayout, spec: AfnSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        self.log_norm = nn.BatchNorm1d(len(layout))
        self.power_HF = nn.Parameter(torch.randn(spec.neurons, len(layout)) * len(layout) ** -0.5)
        self.product_norm = nn.BatchNorm1d(spec.neurons)
        self.deep = deep_network(spec.neurons * spec.factors, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        logs_BFK = self.log_norm(v_BFK.abs().clamp_min(SMALLEST).log())
        products_BHK = self.product_norm(torch.exp(self.power_HF @ logs_BFK))
        logits_BT: torch.Tensor = self.deep(products_BHK.flatten(1))
        return logits_BT
