"""The LeAP gate: learnable adaptive permutation (LeAP §3), usable on any model with a concatenated input.

With `granularity: dim`, which is not in the paper, a gate stands on each column: columns are permuted independently of
each other, and each has a divergence Δ_c = mean_b |x_c − x'_c| of its own.

Shapes: B rows, C = Σ dims columns, F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.ops.mix import Seen
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.gates.permutation import PermutationGate


class LeapGate(PermutationGate):
    """Mixes every feature with a permuted copy of itself, by a learned gate, and penalizes gates by divergence.

    Args:
        layout: names and dims of the F features in the C columns.
        config: temperature, penalty, divergence, momentum, clipping; see `LeapSpec`.
        essential: names whose gate is held at 1 and not penalized.
        baseline: what stands for closed features; the gate's own unless given.

    Example:
        >>> gate = LeapGate(FeatureLayout.from_dims({"user": 16, "age": 1}))
        >>> x_BC = torch.randn(8, 17)
        >>> gate(x_BC).shape, gate.penalty().shape, gate.scores().shape
        (torch.Size([8, 17]), torch.Size([]), torch.Size([2]))
    """

    config: LeapSpec
    divergence_F: torch.Tensor
    variance_F: torch.Tensor | None
    seen: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: LeapSpec | None = None,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        config = config or LeapSpec()
        own = Baseline(layout, momentum=config.ema) if baseline is None else baseline
        super().__init__(layout, config, essential=essential, baseline=own)
        self.clip = config.clip_for(0)
        self.register_buffer("divergence_F", torch.zeros(len(self.units)))
        normalized = config.divergence == "normalized"
        self.register_buffer("variance_F", torch.zeros(len(self.units)) if normalized else None)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def expect(self, rows: int) -> None:
        self.clip = self.config.clip_for(rows)

    def penalty(self) -> torch.Tensor:
        """Σ λ_i g_i, to be added to the task loss: the regularizer, by the name it has in a model of one's own."""
        return self.regularizer()

    def penalty_weights(self) -> torch.Tensor:
        """λ_i = α clip(Δ̄_i) (LeAP §3.2), zero for essential features."""
        return self.alpha * self.counted_divergence().clamp(*self.clip) * self.learned_F

    def counted_divergence(self) -> torch.Tensor:
        """Δ̄_F as it is paid for.

        Normalized, it is Δ̄ / σ̄ with σ̄² the mean of ‖x_i − x̄_i‖²: a normal number has 2/√π = 1.13, a vector of many
        dims up to √2, a feature that is at its default but for a share p of the rows about 2√p. That is how the noise
        of a gate's gradient falls with p. A raw divergence follows the scale of a learned table, which training is
        free to shrink.
        """
        if self.variance_F is None:
            return self.divergence_F
        return self.divergence_F / self.variance_F.sqrt().clamp_min(torch.finfo(torch.float32).tiny)

    @torch.no_grad()
    def observe(self, seen: Seen) -> None:
        """Δ̄ ← β Δ̄ + (1 − β) Δ (LeAP §3.2), and σ̄² likewise; the first batch sets them."""
        super().observe(seen)
        weight = torch.where(self.seen == 0, 1.0, 1.0 - self.config.ema)
        self.divergence_F.lerp_(seen.divergence_F, weight)
        if self.variance_F is not None:
            # Two rows at random differ by 2σ² on average.
            self.variance_F.lerp_(seen.square_F / 2, weight)
        self.seen.add_(1)

    def synced_tensors(self) -> list[torch.Tensor]:
        variance = [] if self.variance_F is None else [self.variance_F]
        return [self.divergence_F, *variance, *super().synced_tensors()]

    def details(self) -> dict[str, torch.Tensor]:
        return {"divergence": self.counted_divergence().detach()}
