"""Gates by a controller: a small network that reads the row and weighs its features.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

from collections.abc import Collection

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.mask_options import MaskGateSpec
from trainers.selectors.gates.row_gate import RowGate

# Added to variances, as in batch norm.
EPSILON = 1e-5


class ControllerGate(RowGate):
    """Until the warm-up ends the model learns on the full input, and the controller stays as it began.

    The controller reads x normalized by the running mean and variance of each column of the training rows: batch norm
    as it is in evaluation, so that a row's weights don't depend on the batch it came in.
    """

    variance_C: torch.Tensor
    started: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: MaskGateSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.register_buffer("variance_C", torch.ones(layout.total))
        self.register_buffer("started", torch.zeros(()))

    def normalize(self, x_BC: torch.Tensor) -> torch.Tensor:
        """(x − x̄)/√(σ̄² + ε), column by column, without a gradient: a controller moves itself, not its input."""
        return (x_BC.detach() - self.baseline.mean_C) * torch.rsqrt(self.variance_C + EPSILON)

    def softmax(self, logit_BF: torch.Tensor) -> torch.Tensor:
        """Over the learned features; essential ones take no part."""
        lowest = torch.finfo(logit_BF.dtype).min
        return torch.where(self.learned_F, logit_BF, lowest).softmax(-1)

    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        self.require_width(x_BC)
        if self.training:
            self._observe_variance(x_BC.detach())
        return super().forward(x_BC, context, frozen=frozen)

    def mask(self, x_BC: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return super().mask(x_BC, torch.lerp(torch.ones_like(gate), gate, self.started.to(gate.dtype)))

    def synced_tensors(self) -> list[torch.Tensor]:
        return [self.variance_C, *super().synced_tensors()]

    @torch.no_grad()
    def _observe_variance(self, x_BC: torch.Tensor) -> None:
        """Before the mean is moved: of the batch about the mean so far, or its own where it is the first."""
        first = self.baseline.seen == 0
        mean_C = torch.where(first, x_BC.mean(0), self.baseline.mean_C)
        weight = torch.where(first, 1.0, 1.0 - self.baseline.momentum).to(x_BC.dtype)
        self.variance_C.lerp_((x_BC - mean_C).square().mean(0), weight)

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        self.started.fill_(float(step > 0))
