"""The gate of Feature Selection using Stochastic Gates (Yamada, Lindenbaum, Negahban and Kluger, ICML 2020,
arXiv:1810.04247).

A Bernoulli gate is relaxed to a clipped Gaussian, z_d = max(0, min(1, μ_d + ε_d)) with ε_d ~ N(0, σ²) and σ = 0.5. The
penalty is the expected ℓ₀ norm, which is known exactly: λ Σ P(z_d > 0) = λ Σ Φ(μ_d/σ). After training the gate is
max(0, min(1, μ_d)), and features with μ_d > 0 are selected. Weights and μ are learned together.

Here a score is Φ(μ_d/σ), the probability that the gate is open: above 1/2 where μ_d > 0, and without the ties that
clipping makes. Noise is drawn for each row. The paper gates scalar inputs; here one gate masks all columns of a
feature, and with `granularity: dim` each column has a gate, as in the paper.

Shapes: B rows, C = Σ dims columns, F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.mask import MaskGate
from trainers.selectors.gates.stg import StgSpec


class StgGate(MaskGate):
    """Gaussian gates, clipped to [0, 1]."""

    mean: nn.Parameter

    def __init__(
        self,
        layout: FeatureLayout,
        config: StgSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.alpha, self.sigma = config.alpha * self.share_of_feature, config.sigma
        self.mean = nn.Parameter(torch.full((len(self.units),), config.initial_mean))

    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        noise_BF = torch.randn(len(x_BC), len(self.mean), dtype=self.mean.dtype, device=self.mean.device)
        return (self.mean + self.sigma * noise_BF).clamp(0.0, 1.0)

    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        """The gate without noise, as the paper predicts."""
        return self.mean.clamp(0.0, 1.0)

    def open_probabilities(self) -> torch.Tensor:
        """P(z_F > 0) = Φ(μ_F/σ), differentiable in μ; 1 for essential features."""
        return torch.where(self.learned_F, torch.special.ndtr(self.mean / self.sigma), 1.0)

    def regularizer(self) -> torch.Tensor:
        """α times the expected number of open gates among the learned ones."""
        return self.alpha * self.open_probabilities()[self.learned_F].sum()

    def scores(self) -> torch.Tensor:
        return self.open_probabilities().detach()
