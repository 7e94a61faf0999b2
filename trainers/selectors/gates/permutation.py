"""Gates that mix a feature with a permuted copy of itself (LeAP §3.1).

Shapes: B rows, C = Σ dims columns, F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

import abc
from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.ops.mix import Mixer, Seen
from trainers.ops.shuffle import Shuffle
from trainers.selectors.gates.base import SATURATION, Gate, GateContext
from trainers.selectors.gates.permutation_options import PermutationGateSpec

# How far α may move over a search: by e^STEERING where the share of open dims stays one whole off its target.
STEERING = 12.0


class PermutationGate(Gate):
    """x̃_i = g_i x_i + (1 − g_i) sg(x'_i) with g_i = σ(θ_i/τ) (LeAP §3.1), x' permuted over the batch, independently
    per gate. In evaluation the running mean of x_i stands for x'_i, so that an output depends on its own row alone.

    A subclass says by `penalty_weights` what an open gate costs.
    """

    theta: nn.Parameter
    alpha: torch.Tensor
    dims_F: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: PermutationGateSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, essential=essential, baseline=baseline, granularity=config.granularity)
        self.config = config
        initial = torch.full((len(self.units),), config.initial_gate).logit() * config.temperature
        self.theta = nn.Parameter(initial)
        self.register_buffer("alpha", torch.tensor(config.weight * self.share_of_feature))
        self.mixer = Mixer(self.units)
        dims_F = torch.tensor(self.units.dims)
        self.register_buffer("dims_F", dims_F, persistent=False)

    def gates(self) -> torch.Tensor:
        """g_F, differentiable in θ; 1 for essential features."""
        return torch.where(self.learned_F, torch.sigmoid(self.theta / self.config.temperature), 1.0)

    def scores(self) -> torch.Tensor:
        """g_F, detached."""
        return self.gates().detach()

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        """x̃_BC.

        Raises:
            ValueError: in training, a batch of fewer than two rows, which can't be permuted, or a wrong width.
        """
        self.require_width(x_BC)
        if not self.training:
            return self.baseline.interpolate_columns(x_BC, self.gates()[self.unit_C])
        gate_F = self.scores() if frozen else self.gates()
        mixed_BC, seen = self.mixer.mix(x_BC, gate_F, self.draw(x_BC))
        self.observe(seen)
        return mixed_BC

    def forward_held_out(self, x_BC: torch.Tensor, context: GateContext | None = None) -> torch.Tensor:
        """x̃_BC on held-out rows, differentiable in θ.

        With `replacement: blended`, what replaces x_i is x̄_i + g_i (x'_i − x̄_i): a permuted value while the gate is
        open, the running mean, as in evaluation and pruning, as it closes. What was memorized adds noise of variance
        g² to held-out predictions, and a permuted replacement (1 − g)²: their sum is least at 0.5, where such gates
        stay. Blended, it is g² + g²(1 − g)², which falls all the way to 0.
        """
        gate_F = self.gates()
        share_F = gate_F.detach() if self.config.replacement == "blended" else torch.ones_like(gate_F)
        return self.mixer.mix_held_out(x_BC, gate_F, self.draw(x_BC), share_F, self.baseline.mean_C)

    def draw(self, x_BC: torch.Tensor) -> Shuffle:
        """How a batch is permuted, independently per gate: from the device's default generator."""
        return Shuffle.draw(len(x_BC), len(self.units), x_BC.device)

    def observe(self, seen: Seen) -> None:
        """Move the running statistics by those of a training batch."""
        self.baseline.observe_mean(seen.mean_C)

    def regularizer(self) -> torch.Tensor:
        """Σ λ_i g_i over the learned gates (LeAP §3.2)."""
        return (self.penalty_weights() * self.gates()).sum()

    @abc.abstractmethod
    def penalty_weights(self) -> torch.Tensor:
        """λ_F, zero for essential features."""

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        """Hold θ where it can still move, and steer α where a share of dims is the target.

        The controller is multiplicative: over a search, log α grows by STEERING times the excess over the target of
        the share of dims whose gates stand above 0.5. What has a gate leaves in the order of its worth while it grows.
        """
        limit = SATURATION * self.config.temperature
        self.theta.clamp_(-limit, limit)
        if step > 0 and self.config.target_dims is not None:
            share = self.dims_F[self.scores() > 0.5].sum() / self.layout.total
            self.alpha.mul_(torch.exp(STEERING / max(1, total) * (share - self.config.target_dims)))
