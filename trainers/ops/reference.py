"""The mixing of features with permuted copies, in plain PyTorch: any device and precision, differentiated by autograd.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.ops.shuffle import Shuffle


def mix(
    x_BC: torch.Tensor, gate_F: torch.Tensor, shuffle: Shuffle, layout: FeatureLayout
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """See `trainers.ops.mix.Mixer.mix`: the mixture, Δ_F, the mean of the squares, the columns' means."""
    other_BC = permute(x_BC.detach(), shuffle, layout)
    norm_BF = norms(x_BC.detach() - other_BC, layout)
    mixed_BC = _combine(x_BC, other_BC, gate_F, layout)
    return mixed_BC, norm_BF.mean(0), norm_BF.square().mean(0), x_BC.detach().mean(0)


def mix_held_out(
    x_BC: torch.Tensor,
    gate_F: torch.Tensor,
    shuffle: Shuffle,
    layout: FeatureLayout,
    share_F: torch.Tensor,
    mean_C: torch.Tensor,
) -> torch.Tensor:
    """See `trainers.ops.mix.mix_held_out`."""
    other_BC = torch.lerp(mean_C, permute(x_BC.detach(), shuffle, layout), _spread(share_F, layout))
    return _combine(x_BC, other_BC, gate_F, layout)


def permute(x_BC: torch.Tensor, shuffle: Shuffle, layout: FeatureLayout) -> torch.Tensor:
    """Each feature's rows moved as the shuffle says."""
    source_BF, rows = shuffle.source_BF(), len(x_BC)
    moved = []
    for features, columns, dim in layout.runs:
        width = features.stop - features.start
        row_Bn = source_BF[:, features] * width + torch.arange(width, device=x_BC.device)
        table = x_BC[:, columns].reshape(rows * width, dim)
        moved.append(nn.functional.embedding(row_Bn, table).view(rows, width * dim))
    return torch.cat(moved, 1)


def norms(difference_BC: torch.Tensor, layout: FeatureLayout) -> torch.Tensor:
    """‖x_i − x'_i‖₂ of every row and feature (B × F)."""
    found = []
    for _, columns, dim in layout.runs:
        difference_Bnd = difference_BC[:, columns].reshape(len(difference_BC), -1, dim)
        found.append(torch.linalg.vector_norm(difference_Bnd, dim=-1))
    return torch.cat(found, 1)


def _combine(x_BC: torch.Tensor, other_BC: torch.Tensor, gate_F: torch.Tensor, layout: FeatureLayout) -> torch.Tensor:
    return torch.lerp(other_BC, x_BC, _spread(gate_F, layout))


def _spread(value_F: torch.Tensor, layout: FeatureLayout) -> torch.Tensor:
    """A feature's value at each of its columns."""
    return value_F.repeat_interleave(torch.tensor(layout.dims, device=value_F.device), output_size=layout.total)
