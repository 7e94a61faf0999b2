"""What training minimizes.

Shapes: B rows, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from trainers.models.batch import Batch


def task_loss(logits_BT: torch.Tensor, batch: Batch, weighted: bool) -> torch.Tensor:
    """Mean binary cross-entropy over rows and labels; with weights, each row's share of it is its weight."""
    weight_B1 = batch.weight_B[:, None] if weighted else None
    return nn.functional.binary_cross_entropy_with_logits(logits_BT, batch.label_BT, weight_B1)
