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

from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.concrete import ConcreteGate
from trainers.selectors.gates.droprank import DropRankSpec


class DropRankGate(ConcreteGate):
    """Dropout rates of features on weights that are trained on the full input."""

    def __init__(
        self,
        layout: FeatureLayout,
        config: DropRankSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        initial, temperature = config.initial_gate, config.temperature
        super().__init__(
            layout, config, initial=initial, temperature=temperature, essential=essential, baseline=baseline
        )
        self.alpha = config.alpha

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        if frozen and self.training:
            self.baseline.observe(x_BC.detach())
            return x_BC
        return super().forward(x_BC, context, frozen=frozen)

    def regularizer(self) -> torch.Tensor:
        """α Σ p over the learned gates."""
        return self.alpha * self.open_features()
