"""Gates that mask a feature: x̃ = r + g (x − r), where r stands for a closed feature.

The papers multiply, x̃ = g x, and so close a feature to zero (`replacement: zero`). With `replacement: mean` it closes
to its running mean x̄, which is what stands for it in evaluation after pruning: g x + (1 − g) x̄.

A gate masks all columns of a feature alike, so that features may have any dims; with `granularity: dim` each column
has a gate of its own.

Shapes: B rows, C = Σ dims columns, F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

import abc
from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import Gate, GateContext
from trainers.selectors.gates.mask_options import MaskGateSpec


class MaskGate(Gate):
    """A subclass says what the gates are while they are learned, with noise, and as predictions are made, without.

    Raises:
        ValueError: x is not as wide as the layout.
    """

    def __init__(
        self,
        layout: FeatureLayout,
        config: MaskGateSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, essential=essential, baseline=baseline, granularity=config.granularity)
        self.config = config

    @abc.abstractmethod
    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        """Gates as they are learned: one for each unit (F) or for each row and unit (B × F), differentiable."""

    @abc.abstractmethod
    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        """Gates as predictions are made, (F) or (B × F): without noise."""

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        self.require_width(x_BC)
        if not self.training:
            return self.mask(x_BC, self.expected(x_BC, context))
        self.baseline.observe(x_BC.detach())
        gate = self.draw(x_BC, context)
        return self.mask(x_BC, gate.detach() if frozen else gate)

    def forward_held_out(self, x_BC: torch.Tensor, context: GateContext | None = None) -> torch.Tensor:
        return self.mask(x_BC, self.draw(x_BC, context))

    def mask(self, x_BC: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        """x̃_BC for gates (F) or (B × F); those of essential features are 1, whatever is given."""
        gate_C = torch.where(self.learned_F, gate, 1.0)[..., self.unit_C]
        if self.config.replacement == "zero":
            return x_BC * gate_C
        return torch.lerp(self.baseline.mean_C, x_BC, gate_C)
