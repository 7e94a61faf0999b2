"""SFS (Wang et al. 2023) as FairFS §2.3 describes it: importance by the gradient alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import TrainedModel


class SfsSpec(SensitivitySpec):
    """Score of a feature: how steep the loss is in it, whatever its distance from a baseline.

    The paper has features of one dim and scale. Where dims differ, the score is per column: ‖∇L‖₂ / √d. A feature with
    small values is steep: compare features of one scale, or take `shark` or `fairfs`.
    """

    name: Literal["sfs"]
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """Mean over the rows of ‖∂L/∂e_i‖₂ / √d_i, in nats for each unit of the input; columns that never vary count
        0."""
        import torch

        from trainers.selectors.sensitivity.gradients import (
            loss_gradients,
            mean_by_feature,
            measured_by_feature,
            varying_columns,
        )

        rows = model.embed(self.rows)
        varying_C = varying_columns(rows)
        dim_F = torch.tensor(model.layout.dims)

        def measure(chosen: slice) -> torch.Tensor:
            gradient_BC = loss_gradients(model, rows.x_NC[chosen], rows.label_NT[chosen]) * varying_C
            return (measured_by_feature(model.layout, gradient_BC.square()) / dim_F).sqrt()

        return Ranking.by_score(
            mean_by_feature(model, rows, measure), diagnostics={"rows": float(len(rows)), "passes": 1.0}
        )
