"""A gate after LassoNet: A Neural Network with Feature Sparsity (Lemhadri, Ruan, Abraham and Tibshirani, JMLR 2021).

LassoNet has a linear skip connection θ beside a network with first layer W, and solves, for each λ of a rising path,

    min L(θ, W) + λ ‖θ‖₁   subject to   ‖W_j‖_∞ ≤ M |θ_j|,

by proximal gradient steps (its Algorithms 1 and 2). A feature whose θ_j is 0 is out of the network too, and
features are ranked by the λ at which they leave.

A gate stands before any backbone and doesn't reach its first layer. So this is the gated form of the constraint: the
backbone sees u_j x_j with 0 ≤ u_j ≤ 1, and its first layer on x, u_j W_j, meets ‖u_j W_j‖_∞ ≤ u_j ‖W_j‖_∞ for any W.
u_j = M |θ_j| takes the place of θ_j, and M goes into λ. The skip connection itself is left out: a backbone with a
linear part, such as wide_deep, has one. λ rises by a constant factor each step from α/`path` to α. On [0, 1] the
penalty is linear, so that the proximal step of λu + 1[0 ≤ u ≤ 1] is the optimizer's own step on the loss and λu, and
then a projection, in the metric of Adam too.

The paper selects scalar inputs; here one gate masks all columns of a feature.

Shapes: F features.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.lassonet import LassoNetSpec
from trainers.selectors.gates.mask import MaskGate


class LassoNetGate(MaskGate):
    """Gates in [0, 1] on a path of rising λ."""

    opening: nn.Parameter
    penalty_weight: torch.Tensor
    left_F: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: LassoNetSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.alpha, self.path = config.alpha, config.path
        self.opening = nn.Parameter(torch.ones(len(layout)))
        self.register_buffer("penalty_weight", torch.tensor(self.alpha / self.path))
        self.register_buffer("left_F", torch.zeros(len(layout)))

    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.opening

    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.opening

    def regularizer(self) -> torch.Tensor:
        """λ Σ u over the learned gates."""
        return self.penalty_weight * self.opening[self.learned_F].sum()

    def scores(self) -> torch.Tensor:
        """Half of λ/α at which a feature left; for one that is open, 1/2 and half of its gate; 1 for essential ones."""
        double_F = torch.where(self.opening > 0, 1.0 + self.opening, self.left_F / self.alpha)
        return torch.where(self.learned_F, double_F / 2, 1.0).detach()

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        self.opening.clamp_(0.0, 1.0)
        self.left_F.copy_(torch.where(self.opening > 0, self.penalty_weight, self.left_F))
        self.penalty_weight.fill_(self.alpha * self.path ** (step / max(1, total) - 1.0))

    def details(self) -> dict[str, torch.Tensor]:
        return {"last_gate": torch.where(self.learned_F, self.opening, 1.0).detach()}
