"""Features mixed with permuted copies of themselves (LeAP §3.1), forward and backward.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from sharding.layout import FeatureLayout
from trainers.ops import reference
from trainers.ops.buffers import Buffers
from trainers.ops.shuffle import Shuffle

COMPILED = (torch.float32, torch.float64)


class Seen(NamedTuple):
    """What a gate observes of a batch, detached.

    Attributes:
        divergence_F: Δ, the mean over the rows of ‖x_i − x'_i‖₂ (LeAP §3.2).
        square_F: the mean over the rows of ‖x_i − x'_i‖₂².
        mean_C: of each column.
    """

    divergence_F: torch.Tensor
    square_F: torch.Tensor
    mean_C: torch.Tensor


class Mixer:
    """Mixes inputs of one layout. On the CPU, compiled kernels move each byte once; elsewhere it is plain PyTorch.

    Both agree with `trainers.ops.reference` to rounding, and results don't depend on the number of threads.
    """

    def __init__(self, layout: FeatureLayout) -> None:
        self.layout, self.buffers = layout, Buffers()

    def mix(self, x_BC: torch.Tensor, gate_F: torch.Tensor, shuffle: Shuffle) -> tuple[torch.Tensor, Seen]:
        """g x + (1 − g) sg(x'), x' being x permuted, and what the gate observes of it.

        Args:
            x_BC: the input; its gradient is g times the output's.
            gate_F: g, differentiable.
            shuffle: of B rows and F features.
        """
        if not self._compiles(x_BC):
            mixed_BC, *seen = reference.mix(x_BC, gate_F, shuffle, self.layout)
            return mixed_BC, Seen(*seen)
        from trainers.ops import cpu  # noqa: PLC0415 - numba is imported where it computes

        mixed_BC, *seen = cpu.mix(x_BC, gate_F, shuffle, self.layout, self.buffers)
        return mixed_BC, Seen(*seen)

    def mix_held_out(
        self,
        x_BC: torch.Tensor,
        gate_F: torch.Tensor,
        shuffle: Shuffle,
        share_F: torch.Tensor,
        mean_C: torch.Tensor,
    ) -> torch.Tensor:
        """g x + (1 − g) sg(r) with r = x̄ + s (x' − x̄): what replaces x goes from its mean to a permuted value.

        Args:
            x_BC: the input; its gradient is g times the output's.
            gate_F: g, differentiable.
            shuffle: of B rows and F features.
            share_F: s, the share of the permuted value; 1 is the paper's replacement.
            mean_C: x̄.
        """
        arguments = x_BC, gate_F, shuffle, self.layout
        if not self._compiles(x_BC):
            return reference.mix_held_out(*arguments, share_F, mean_C)
        from trainers.ops import cpu  # noqa: PLC0415

        return cpu.mix_held_out(*arguments, self.buffers, share_F, mean_C)

    @staticmethod
    def _compiles(x_BC: torch.Tensor) -> bool:
        return x_BC.device.type == "cpu" and x_BC.dtype in COMPILED
