"""The gate of AutoField: Automating Feature Selection in Deep Recommender Systems (Wang, Zhao, Xu and Wu, WWW 2022).

A controller has two architecture weights for each field, (α¹, α⁰) for keep and drop. Its choice is relaxed by
Gumbel-softmax: p¹ = exp((log α¹ + g¹)/τ) / Σ_j exp((log α^j + g^j)/τ), and the field's embedding becomes
p¹ · e + p⁰ · 0. Weights of the model are learned on training rows and α on held-out rows, in turns (first order).
τ falls by a step each time, in the paper as max(0.01, 1 − 0.00005 s). Fields are kept by the greatest α¹.

Here θ = log α¹ − log α⁰ is learned, which is all that p¹ depends on, and τ falls over the whole search, however long
that is.

Shapes: F features.
"""

from __future__ import annotations

from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.autofield import AutoFieldSpec
from trainers.selectors.gates.concrete import ConcreteGate


class AutoFieldGate(ConcreteGate):
    """Keep probabilities begin at 1/2, as in the paper, and nothing but the held-out loss moves them."""

    def __init__(
        self,
        layout: FeatureLayout,
        config: AutoFieldSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        first = config.initial_temperature
        super().__init__(layout, config, initial=0.5, temperature=first, essential=essential, baseline=baseline)
        self.first, self.last = first, config.final_temperature

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        super().after_step(step, total)
        self.temperature.fill_(self.first + (self.last - self.first) * step / max(1, total))
