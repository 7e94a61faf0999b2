"""The gate of LPFS: Learnable Polarizing Feature Selection for Click-Through Rate Prediction (Guo et al. 2022,
arXiv:2206.00267).

A field is multiplied by g_ε(x) = x²/(x² + ε), a smoothed ℓ₀ norm of a learned x that begins at 1. ε begins at 0.1 and
falls by a constant factor, so that g ends at 0 or near 1. λ|x| draws x to 0 by a proximal step, so that gates become
exactly 0. There the gradient 2xε/(x² + ε)² is 0 as well: a closed gate stays closed. Weights and x are learned
together.

Here x is held at 0 or above, which g doesn't tell apart. On that half-line λ|x| = λx is linear, so that the proximal
step of λx + 1[x ≥ 0] is the optimizer's own step on the loss and λx, and then max(0, x), in the metric of Adam too.
ε falls over the whole search, however long that is. An open gate moves about with each step, since weights make up for
it; its score is its mean over the last steps, m ← 0.98 m + 0.02 g.

Shapes: F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.lpfs import LpfsSpec
from trainers.selectors.gates.mask import MaskGate

# Of an open gate's mean over steps.
MOMENTUM = 0.98


class LpfsGate(MaskGate):
    """Smoothed-ℓ₀ gates: exactly 0, or near 1."""

    strength: nn.Parameter
    epsilon: torch.Tensor
    mean_gate_F: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: LpfsSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.alpha = config.alpha * self.share_of_feature
        self.first, self.last = config.initial_epsilon, config.final_epsilon
        self.strength = nn.Parameter(torch.ones(len(self.units)))
        self.register_buffer("epsilon", torch.tensor(self.first))
        self.register_buffer("mean_gate_F", self.gates().detach())

    def gates(self) -> torch.Tensor:
        """g_F = x²/(x² + ε), differentiable in x; 1 for essential features."""
        square_F = self.strength.square()
        return torch.where(self.learned_F, square_F / (square_F + self.epsilon), 1.0)

    def scores(self) -> torch.Tensor:
        """Mean gates over the last steps; 0 for those that are closed, and 1 for essential features."""
        open_F = (self.strength > 0) | ~self.learned_F
        return torch.where(open_F, self.mean_gate_F, 0.0).detach()

    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.gates()

    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.gates()

    def regularizer(self) -> torch.Tensor:
        """α Σ |x| over the learned gates."""
        return self.alpha * self.strength[self.learned_F].sum()

    def details(self) -> dict[str, torch.Tensor]:
        return {"last_gate": self.gates().detach()}

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        self.strength.clamp_min_(0.0)
        self.epsilon.fill_(self.first * (self.last / self.first) ** (step / max(1, total)))
        self.mean_gate_F.lerp_(self.gates(), 1.0 - MOMENTUM)
