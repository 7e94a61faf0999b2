"""Gates that differ from row to row, and the numbers of the features that they are reduced to.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

import abc
from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.mask import MaskGate
from trainers.selectors.gates.mask_options import MaskGateSpec

# Of the rows' means: the last 50 batches or so count.
MOMENTUM = 0.98


class RowGate(MaskGate):
    """A score is the mean of a feature's weights over the rows that the gate learns on: held-out rows with bilevel.

    The mean is a moving one over batches, m ← 0.98 m + 0.02 · mean over the batch; the first batch sets it.
    """

    mean_weight_F: torch.Tensor
    counted: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: MaskGateSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.register_buffer("mean_weight_F", torch.zeros(len(layout)))
        self.register_buffer("counted", torch.zeros((), dtype=torch.int64))

    @abc.abstractmethod
    def weights(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        """What features weigh in each row, (B × F) in [0, 1], differentiable."""

    def gates_of(self, weight_BF: torch.Tensor) -> torch.Tensor:
        """Gates by weights, (B × F): the weights themselves unless a subclass says otherwise."""
        return weight_BF

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        if not self.training or frozen:
            return super().forward(x_BC, context, frozen=frozen)
        self.require_width(x_BC)
        self.baseline.observe(x_BC.detach())
        return self.forward_held_out(x_BC, context)

    def forward_held_out(self, x_BC: torch.Tensor, context: GateContext | None = None) -> torch.Tensor:
        weight_BF = self.weights(x_BC, context)
        self._count(weight_BF.detach())
        return self.mask(x_BC, self.gates_of(weight_BF))

    def draw(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.gates_of(self.weights(x_BC, context))

    def expected(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return self.draw(x_BC, context)

    def scores(self) -> torch.Tensor:
        """Mean weights over rows; 1 for essential features."""
        return torch.where(self.learned_F, self.mean_weight_F, 1.0)

    def synced_tensors(self) -> list[torch.Tensor]:
        return [self.mean_weight_F, *super().synced_tensors()]

    @torch.no_grad()
    def _count(self, weight_BF: torch.Tensor) -> None:
        share = torch.where(self.counted == 0, 1.0, 1.0 - MOMENTUM)
        self.mean_weight_F.lerp_(weight_BF.mean(0).to(self.mean_weight_F.dtype), share.to(self.mean_weight_F.dtype))
        self.counted.add_(1)
