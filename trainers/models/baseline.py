"""What stands for a feature that is closed: the running mean of each of its columns.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout

MOMENTUM = 0.98


class Baseline(nn.Module):
    """Running means of the concatenated input, and inputs whose features are replaced by them.

    Pruning folds the means into the first layer, so that a pruned model starts where its evaluation ended.

    Args:
        layout: names and dims of the F features in the C columns.
        momentum: x̄ ← momentum · x̄ + (1 − momentum) · mean over the batch; the first batch sets it.
    """

    mean_C: torch.Tensor
    seen: torch.Tensor
    feature_C: torch.Tensor

    def __init__(self, layout: FeatureLayout, momentum: float = MOMENTUM) -> None:
        super().__init__()
        self.layout, self.momentum = layout, momentum
        self.register_buffer("mean_C", torch.zeros(layout.total))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        feature_C = torch.arange(len(layout)).repeat_interleave(torch.tensor(layout.dims))
        self.register_buffer("feature_C", feature_C, persistent=False)

    @torch.no_grad()
    def observe(self, x_BC: torch.Tensor) -> None:
        """Move the means by a training batch."""
        self.observe_mean(x_BC.mean(0))

    @torch.no_grad()
    def observe_mean(self, mean_C: torch.Tensor) -> None:
        """Move the means by those of a training batch."""
        weight = torch.where(self.seen == 0, 1.0, 1.0 - self.momentum)
        self.mean_C.lerp_(mean_C, weight)
        self.seen.add_(1)

    def interpolate(self, x_BC: torch.Tensor, gate_F: torch.Tensor) -> torch.Tensor:
        """g x + (1 − g) x̄ for given gates: deterministic, each row on its own. Gates of 0 and 1 replace and keep."""
        return self.interpolate_columns(x_BC, gate_F[self.feature_C])

    def interpolate_columns(self, x_BC: torch.Tensor, gate_C: torch.Tensor) -> torch.Tensor:
        """The same for a gate of each column."""
        return torch.lerp(self.mean_C, x_BC, gate_C)
