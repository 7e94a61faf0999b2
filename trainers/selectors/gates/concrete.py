"""Bernoulli gates in their concrete relaxation (Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017).

With keep probability p, noise u ~ Uniform(0, 1) and temperature t, a gate is

    z = σ((log p − log(1 − p) + log u − log(1 − u)) / t),

0 or 1 as t → 0, with P(z > 1/2) = p at every t. It is also the two-way Gumbel-softmax: the difference of two Gumbel
variables is logistic, and log u − log(1 − u) has that distribution.

Shapes: B rows, F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import SATURATION, GateContext
from trainers.selectors.gates.mask import MaskGate
from trainers.selectors.gates.mask_options import MaskGateSpec, PenalizedConcreteSpec


def sample_concrete(logit_F: torch.Tensor, rows: int, temperature: torch.Tensor) -> torch.Tensor:
    """z_BF for the keep probabilities' logits: noise of the device's default generator, anew for each row."""
    uniform_BF = torch.rand(rows, len(logit_F), dtype=logit_F.dtype, device=logit_F.device)
    return torch.sigmoid((logit_F + torch.logit(uniform_BF)) / temperature)


class ConcreteGate(MaskGate):
    """One keep probability p = σ(θ) for each gate. A score is p, and in evaluation p is the gate: its mean.

    The noise is drawn for each row, so that a batch has as many samples of every gate as rows.
    """

    theta: nn.Parameter
    temperature: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: MaskGateSpec,
        *,
        initial: float,
        temperature: float,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.theta = nn.Parameter(torch.full((len(self.units),), initial).logit())
        self.register_buffer("temperature", torch.tensor(temperature))

    def probabilities(self) -> torch.Tensor:
        """p_F, differentiable in θ; 1 for essential features."""
        return torch.where(self.learned_F, torch.sigmoid(self.theta), 1.0)

    def scores(self) -> torch.Tensor:
        return self.probabilities().detach()

    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return sample_concrete(self.theta, len(x_BC), self.temperature)

    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.probabilities()

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        self.theta.clamp_(-SATURATION, SATURATION)


class PenalizedConcreteGate(ConcreteGate):
    """α is what one open gate costs."""

    def __init__(
        self,
        layout: FeatureLayout,
        config: PenalizedConcreteSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(
            layout,
            config,
            initial=config.initial_gate,
            temperature=config.temperature,
            essential=essential,
            baseline=baseline,
        )
        self.alpha = config.alpha * self.share_of_feature

    def regularizer(self) -> torch.Tensor:
        """α Σ p over the learned gates: how many gates are expected to stay open."""
        return self.alpha * self.probabilities()[self.learned_F].sum()
