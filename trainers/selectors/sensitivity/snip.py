"""SNIP (Lee, Ajanthan and Torr 2019): connection sensitivity, here of a mask for each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import TrainedModel


class SnipSpec(SensitivitySpec):
    """Score of a feature: share of the loss's sensitivity to a mask over all its columns, by one gradient.

    The paper masks single weights, before training. Here the mask c_i = 1 multiplies the feature, whatever its dim, so
    that its columns' sensitivities are summed. In a model at rest the loss hardly changes by the scale of any feature:
    scores of rows that the model has learned by heart are chance, which is why validation rows are measured.
    """

    name: Literal["snip"]
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """|∂L/∂c_i| / Σ_k |∂L/∂c_k| (Eq. 4 and 5), where ∂L/∂c_i is the mean over the rows of ⟨∂L/∂e_i, e_i⟩; columns
        that never vary count 0. The detail `slope` is ∂L/∂c_i in nats, below 0 where more of a feature would help."""
        from trainers.selectors.sensitivity.gradients import (
            loss_gradients,
            mean_by_feature,
            measured_by_feature,
            varying_columns,
        )

        rows = model.embed(self.rows)
        varying_C = varying_columns(rows)

        def measure(chosen: slice) -> torch.Tensor:
            x_BC = rows.x_NC[chosen]
            gradient_BC = loss_gradients(model, x_BC, rows.label_NT[chosen])
            return measured_by_feature(model.layout, gradient_BC * x_BC * varying_C)

        slopes = mean_by_feature(model, rows, measure)
        total = sum(abs(slope) for slope in slopes.values()) or 1.0
        return Ranking.by_score(
            {name: abs(slope) / total for name, slope in slopes.items()},
            details={"slope": slopes},
            diagnostics={"rows": float(len(rows)), "passes": 1.0},
        )
