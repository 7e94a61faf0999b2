"""Plain float64 references for the mathematics of backbones: loops over rows, features and pairs."""

from itertools import combinations
from typing import Any

import torch

from sharding.layout import FeatureLayout

LAYOUT = FeatureLayout.from_dims({"age": 1, "user": 3, "words": 2, "clip": 3})
PAIRS = list(combinations(range(len(LAYOUT)), 2))
X_BC = torch.randn(5, LAYOUT.total, generator=torch.Generator().manual_seed(0)).double()


def build(spec: Any, labels: int = 1, layout: FeatureLayout = LAYOUT) -> Any:
    """A backbone in float64 whose weights are all random, in evaluation mode."""
    torch.manual_seed(0)
    backbone = spec.build(layout, labels).double().eval()
    with torch.no_grad():
        for weights in backbone.parameters():
            weights.copy_(0.5 * torch.randn_like(weights))
    return backbone


def vectors(x_C: torch.Tensor, projection_CK: torch.Tensor, layout: FeatureLayout = LAYOUT) -> list[torch.Tensor]:
    """v_i = P_i x_i of each feature of a row."""
    return [x_C[start:end] @ projection_CK[start:end] for start, end in layout.offsets]
