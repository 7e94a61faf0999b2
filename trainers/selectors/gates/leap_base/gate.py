"""The gate of LeAP's base version: permutation without adaptive regularization.

Shapes: F gates: one a feature, or with `granularity: dim` one a column.
"""

from __future__ import annotations

import torch

from trainers.selectors.gates.permutation import PermutationGate


class LeapBaseGate(PermutationGate):
    """Mixes as LeAP does, and penalizes every gate alike."""

    def penalty_weights(self) -> torch.Tensor:
        """λ_i = α, zero for essential features."""
        return self.alpha * self.learned_F
