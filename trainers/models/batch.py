"""Batch: what the model sees of the data at one step.

Shapes: B rows, D dense columns (Σ dims of the dense features), T labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor


@dataclass(frozen=True)
class Batch:
    """One rank's rows of a step.

    `dense_BD` holds the dense features in the spec's order, standardized, float32.
    `sparse` has one key per categorical and multi-categorical feature, named by the feature.
    `label_B` and `weight_B` are float32; weights have a mean of 1 over the training rows.
    `group_B` is int64, all zeros where the spec names no group.
    """

    dense_BD: torch.Tensor
    sparse: KeyedJaggedTensor
    label_B: torch.Tensor
    group_B: torch.Tensor
    weight_B: torch.Tensor

    @property
    def label_BT(self) -> torch.Tensor:
        """The labels, a column each."""
        return self.label_B[:, None]

    def __len__(self) -> int:
        return self.label_B.shape[0]

    def to(self, device: torch.device) -> Batch:
        if device == self.label_B.device:
            return self
        return Batch(
            self.dense_BD.to(device, non_blocking=True),
            self.sparse.to(device, non_blocking=True),
            self.label_B.to(device, non_blocking=True),
            self.group_B.to(device, non_blocking=True),
            self.weight_B.to(device, non_blocking=True),
        )
