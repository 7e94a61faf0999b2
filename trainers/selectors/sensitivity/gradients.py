"""Gradients of a trained model with respect to its embedded rows, and what selectors by gradient have in common.

Every part of the rows is measured on one rank, and parts are added in their order, in float64: sums are the same
whatever the number of ranks.

Shapes: B rows of a part, N measured rows, F features, C = Σ dims columns, T labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainers.selectors.sensitivity.trained import ROWS_TOGETHER, EmbeddedRows, TrainedModel

if TYPE_CHECKING:
    import torch

    from sharding.layout import FeatureLayout


def mean_over_rows(
    model: TrainedModel, rows: EmbeddedRows, measure: Callable[[slice], torch.Tensor], first: int = 0
) -> tuple[list[float], list[float]]:
    """Weighted mean over all rows of what `measure` gives for each row of a part (B, K). Collective.

    Args:
        model: whose ranks share the parts.
        rows: all measured rows, the same on every rank.
        measure: of the rows from `start` to `stop`; float64, on the CPU.
        first: how many of the K numbers are given apart.

    Returns:
        The `first` numbers, and those after them.
    """
    import torch

    parts = range(-(-len(rows) // ROWS_TOGETHER))

    def measured(part: int) -> torch.Tensor:
        chosen = slice(part * ROWS_TOGETHER, min((part + 1) * ROWS_TOGETHER, len(rows)))
        return rows.weight_N[chosen].double() @ measure(chosen)

    sums = model.spread(parts, measured)
    total_K = torch.stack([sums[part] for part in parts]).sum(0)
    means = (total_K / rows.weight_N.double().sum()).tolist()
    return means[:first], means[first:]


def loss_gradients(model: TrainedModel, x_BC: torch.Tensor, label_BT: torch.Tensor) -> torch.Tensor:
    """∂L_b/∂x_b of each row's own logloss, in nats, averaged over its labels: (B, C)."""
    import torch

    x_BC = x_BC.detach().requires_grad_()
    logit_BT = model.model.backbone(x_BC)
    label_BT = label_BT.to(logit_BT)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit_BT, label_BT, reduction="none").mean(1).sum()
    (gradient_BC,) = torch.autograd.grad(loss, x_BC)
    return gradient_BC


def logit_gradients(model: TrainedModel, x_BC: torch.Tensor, label: int) -> torch.Tensor:
    """∂z_b/∂x_b of each row's own logit of one label: (B, C)."""
    import torch

    x_BC = x_BC.detach().requires_grad_()
    (gradient_BC,) = torch.autograd.grad(model.model.backbone(x_BC)[:, label].sum(), x_BC)
    return gradient_BC


def mean_by_feature(
    model: TrainedModel, rows: EmbeddedRows, measure: Callable[[slice], torch.Tensor]
) -> dict[str, float]:
    """The same where `measure` gives a number for each row and feature (B, F)."""
    return dict(zip(model.layout.names, mean_over_rows(model, rows, measure)[1], strict=True))


def by_feature(layout: FeatureLayout, value_BC: torch.Tensor) -> torch.Tensor:
    """Sums over the columns of each feature: (B, F)."""
    import torch

    feature_C = torch.arange(len(layout)).repeat_interleave(torch.tensor(layout.dims)).to(value_BC.device)
    return value_BC.new_zeros(len(value_BC), len(layout)).index_add(1, feature_C, value_BC)


def measured_by_feature(layout: FeatureLayout, value_BC: torch.Tensor) -> torch.Tensor:
    """The same of what is measured: float64, on the CPU."""
    return by_feature(layout, value_BC.detach().cpu().double())


def varying_columns(rows: EmbeddedRows) -> torch.Tensor:
    """1 for a column that differs between rows, 0 for one that doesn't: (C), of the rows' type.

    A column that never differs says nothing of a row: pruning folds it into the first layer, and nothing changes. Its
    weights may be large all the same, so that selectors by gradient leave it out.
    """
    return (rows.x_NC.amax(0) > rows.x_NC.amin(0)).to(rows.x_NC.dtype)
