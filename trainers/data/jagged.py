"""Moving the segments of a jagged tensor: one kernel whatever the number of segments.

Shapes: G segments, H chosen segments, V values (Σ lengths), N rows, M list features.
"""

from __future__ import annotations

import fbgemm_gpu  # noqa: F401  registers torch.ops.fbgemm
import torch


def take_segments(
    values_V: torch.Tensor, lengths_G: torch.Tensor, index_H: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The chosen segments' values and lengths, in the order of `index_H` (int32; subsets and repeats allowed).

    Example:
        >>> take_segments(torch.tensor([7, 8, 9]), torch.tensor([2, 0, 1]), torch.tensor([2, 0], dtype=torch.int32))
        (tensor([9, 7, 8]), tensor([1, 2]))
    """
    if not len(index_H):
        return values_V[:0], lengths_G[:0]
    lengths_H, values, _ = torch.ops.fbgemm.permute_1D_sparse_data(index_H, lengths_G, values_V, None, None)
    return values, lengths_H


def transposition(first: int, second: int) -> torch.Tensor:
    """Index (int32, first·second) that brings segments stored as (first, second) into the order (second, first)."""
    return torch.arange(first * second, dtype=torch.int32).view(first, second).t().reshape(-1)
