"""What stands in the place of a feature's values where it is to say nothing: baselines of embedded rows.

Shapes: B rows of a part, N rows, F features, C = Σ dims columns, d columns of one feature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

    from sharding.layout import FeatureLayout
    from trainers.selectors.sensitivity.trained import EmbeddedRows

BaselineKind = Literal["smooth", "zero", "mean", "swap", "uniform"]
BASELINES = (
    "smooth: the row's own mean over its features (FairFS Eq. 13); zero; mean: of all rows; swap: the feature's values "
    "of another row; uniform: drawn between the least and the greatest value of each column"
)


def baseline_of(
    kind: BaselineKind, layout: FeatureLayout, x_NC: torch.Tensor, weight_N: torch.Tensor, seed: int
) -> Callable[[slice], torch.Tensor]:
    """Baselines of the rows that a slice names, (B, C). What is drawn is drawn by the seed and a row's place alone.

    Args:
        kind: see BASELINES.
        layout: features of the columns.
        x_NC: all rows.
        weight_N: of the rows; counts in means.
        seed: of whatever is drawn.
    """
    import torch

    if kind == "smooth":
        scale_F = feature_scales(layout, x_NC)
        return lambda chosen: smoothed(layout, x_NC[chosen], scale_F)
    if kind == "swap":
        return _swapped(layout, x_NC, seed)
    if kind == "uniform":
        least_C, greatest_C = x_NC.amin(0), x_NC.amax(0)

        def drawn(chosen: slice) -> torch.Tensor:
            part_BC = x_NC[chosen]
            generator = torch.Generator().manual_seed((seed + (chosen.start or 0)) % 2**63)
            return torch.lerp(least_C, greatest_C, torch.rand(part_BC.shape, generator=generator).to(part_BC))

        return drawn
    fixed_C = torch.zeros_like(x_NC[0]) if kind == "zero" else weighted_mean(x_NC, weight_N)
    return lambda chosen: fixed_C.expand_as(x_NC[chosen])


def weighted_mean(x_NC: torch.Tensor, weight_N: torch.Tensor) -> torch.Tensor:
    """Of each column: (C)."""
    weight_N = weight_N.to(x_NC.device).double()
    return (weight_N @ x_NC.double() / weight_N.sum()).to(x_NC.dtype)


def mean_values(layout: FeatureLayout, rows: EmbeddedRows) -> Mapping[str, torch.Tensor]:
    """Each feature's weighted mean over the rows (d)."""
    mean_C = weighted_mean(rows.x_NC, rows.weight_N)
    return {name: mean_C[layout.slice(name)] for name in layout.names}


def feature_scales(layout: FeatureLayout, x_NC: torch.Tensor) -> torch.Tensor:
    """Root mean square of each feature over rows and its columns: (F)."""
    import torch

    square_C = x_NC.detach().double().square().mean(0)
    scales = [square_C[begin:end].mean().sqrt() for begin, end in layout.offsets]
    return torch.stack(scales).to(x_NC.dtype)


def smoothed(layout: FeatureLayout, x_BC: torch.Tensor, scale_F: torch.Tensor) -> torch.Tensor:
    """The smoothing baseline, FairFS Eq. 13: every feature takes the mean over the features of its own row, (B, C).

    The paper has features of one dim: ẽ_i = 1/F Σ_k e_k, column by column. That is what happens where dims are equal.
    Where dims differ, columns of two features don't correspond, and neither do their scales (a standardized number
    has 1, a fresh embedding 0.01). Then

        ẽ_i = s_i · 1/F Σ_k R_{d_i}(e_k / s_k)

    with s_k the root mean square of feature k, so that a baseline stays in reach of its feature (the paper's proximal
    principle), and R_d a resampling to d columns: the mean over equal stretches of the columns, or their repetition.
    R keeps a constant vector, and one of d columns as it is. To average only features that have a column j would leave
    the widest feature as its own baseline, and worth nothing. A feature that is 0 everywhere has the baseline 0.
    """
    import torch
    from torch.nn.functional import interpolate

    if len(set(layout.dims)) == 1:
        mean_Bd = x_BC.view(len(x_BC), len(layout), layout.dims[0]).mean(1)
        return mean_Bd.repeat(1, len(layout))
    inverse_F = torch.where(scale_F > 0, 1 / scale_F.clamp(min=torch.finfo(scale_F.dtype).tiny), 0)
    sums: dict[int, torch.Tensor] = {}
    for place, ((begin, end), dim) in enumerate(zip(layout.offsets, layout.dims, strict=True)):
        part_Bd = x_BC[:, begin:end] * inverse_F[place]
        sums[dim] = sums[dim] + part_Bd if dim in sums else part_Bd
    pooled = {
        dim: torch.stack([interpolate(each[:, None], size=dim, mode="area")[:, 0] for each in sums.values()]).sum(0)
        for dim in sums
    }
    parts = [pooled[dim] * (scale_F[place] / len(layout)) for place, dim in enumerate(layout.dims)]
    return torch.cat(parts, 1)


def _swapped(layout: FeatureLayout, x_NC: torch.Tensor, seed: int) -> Callable[[slice], torch.Tensor]:
    """Every feature takes its values from another row: each its own shift along one random order of the rows."""
    import torch

    generator = torch.Generator().manual_seed(seed % 2**63)
    order_N = torch.randperm(len(x_NC), generator=generator)
    place_N = order_N.argsort()
    shift_F = torch.randint(1, max(2, len(x_NC)), (len(layout),), generator=generator)

    def swapped(chosen: slice) -> torch.Tensor:
        part_BC = torch.empty_like(x_NC[chosen])
        for shift, (begin, end) in zip(shift_F.tolist(), layout.offsets, strict=True):
            source_B = order_N[(place_N[chosen] + shift) % len(x_NC)].to(x_NC.device)
            part_BC[:, begin:end] = x_NC[source_B, begin:end]
        return part_BC

    return swapped
