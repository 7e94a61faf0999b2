"""The gate of DropRank: Dropout Feature Ranking for Deep Learning Models (Chang, Rampasek and Goldenberg 2017,
arXiv:1712.08645).

A model is trained first. Then its weights are fixed, and with z_j ~ Bernoulli(p_j) for each feature

    min over p of  E_z[−log likelihood(y | x ⊙ z)] + λ Σ_j p_j

is learned through the concrete relaxation with t = 0.1. Features are ranked by p.

Here model and rates are learned side by side: the weights never see the dropout, and the rates never move the weights.
With `update: joint` one pass serves both, so the weights do see it, which is variational dropout.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

import torch

from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.concrete import PenalizedConcreteGate


class DropRankGate(PenalizedConcreteGate):
    """Dropout rates of features on weights that are trained on the full input."""

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        if frozen and self.training:
            self.baseline.observe(x_BC.detach())
            return x_BC
        return super().forward(x_BC, context, frozen=frozen)
