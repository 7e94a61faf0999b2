"""Features of any dims as vectors of one size, and the sums over their pairs that factorization machines share.

Papers on crosses take features of one dim. Here feature i is v_i = P_i x_i, with a projection P_i of its own that has
no bias: where all dims are K already, P_i x_i is a change of basis within the feature.

Shapes: B rows, F features, C = Σ dims columns, K dims of a projected feature, P = F (F − 1) / 2 pairs.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from sharding.layout import FeatureLayout


class Factored(Protocol):
    """A network with the vectors of its features.

    `fixed_K` is the sum of those that are constant; `offset_FK` is what is constant of the others, whose features lost
    some of their columns, and None where none did.
    """

    layout: FeatureLayout
    projection_CK: nn.Parameter
    fixed_K: torch.Tensor
    offset_FK: torch.Tensor | None


def new_projection(layout: FeatureLayout, size: int, *, scale: float = 1.0) -> nn.Parameter:
    """A projection_CK of fresh weights: of columns of variance 1 it makes vectors whose entries deviate by `scale`."""
    dims_C = torch.tensor(layout.dims).repeat_interleave(torch.tensor(layout.dims))
    projection_CK = nn.Parameter(torch.empty(layout.total, size))
    with torch.no_grad():
        projection_CK.normal_().mul_(scale).div_(dims_C.sqrt()[:, None])
    return projection_CK


def project(
    layout: FeatureLayout, x_BC: torch.Tensor, projection_CK: torch.Tensor, offset_FK: torch.Tensor | None = None
) -> torch.Tensor:
    """v_BFK, with v_i = P_i x_i, P_i the rows of feature i in the projection; an offset is added."""
    parts = []
    for features, columns, dim in layout.runs:
        shape = (features.stop - features.start, dim)
        x_Bnd = x_BC[:, columns].unflatten(1, shape)
        projection_ndK = projection_CK[columns].unflatten(0, shape)
        parts.append(torch.einsum("bnd,ndk->bnk", x_Bnd, projection_ndK))
    v_BFK = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
    return v_BFK if offset_FK is None else v_BFK + offset_FK


def pair_indices(layout: FeatureLayout) -> torch.Tensor:
    """The features i < j of each pair (2 × P), by i and then by j."""
    return torch.triu_indices(len(layout), len(layout), offset=1)


def sum_pairs(v_BFK: torch.Tensor, fixed_K: torch.Tensor) -> torch.Tensor:
    """½ ((Σ v_i)² − Σ v_i²) by coordinate (B × K): with fixed_K = 0 the sum of v_i ∘ v_j over all pairs i < j.

    `fixed_K` is the sum of vectors that are constant; half of their squares is left for the caller to take off.
    """
    return 0.5 * ((v_BFK.sum(1) + fixed_K).square() - v_BFK.square().sum(1))


def cut_factors(
    source: Factored, target: Factored, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor
) -> torch.Tensor:
    """Make the vectors of `target` those of `source` in `columns`, with the columns `gone` at the baseline: Σ v_i over
    the features that go as a whole is added to `fixed_K`, and of those that keep columns, what the others give is
    `offset_FK`.

    Returns:
        ½ Σ v_i² by coordinate (K) over the features that go: what `sum_pairs` leaves to take off.
    """
    target.projection_CK.copy_(source.projection_CK[columns])
    gone_C = torch.zeros_like(baseline_C).index_copy(0, gone, baseline_C[gone])
    constant_FK = project(source.layout, gone_C[None], source.projection_CK, source.offset_FK)[0]
    stays = [source.layout.index(name) for name in target.layout.names]
    if source.offset_FK is not None or source.layout.keep(target.layout.names) != target.layout:
        target.offset_FK = constant_FK[stays]
    pruned_nK = constant_FK[[place for place in range(len(source.layout)) if place not in set(stays)]]
    target.fixed_K.copy_(source.fixed_K + pruned_nK.sum(0))
    return 0.5 * pruned_nK.square().sum(0)
