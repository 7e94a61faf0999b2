"""Gradient × input (Shrikumar et al. 2016): how much of a prediction a feature makes, to first order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import TrainedModel


class GradientInputSpec(SensitivitySpec):
    """Score of a feature: mean over the rows and labels of |⟨∂z/∂e_i, e_i⟩|, z the logit. It reads no labels.

    A feature's columns are summed before the absolute value, so that its score is one part of the logit whatever its
    dim. Columns that never vary count 0.
    """

    name: Literal["gradient_input"]
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        from trainers.selectors.sensitivity.gradients import (
            logit_gradients,
            mean_by_feature,
            measured_by_feature,
            varying_columns,
        )

        rows = model.embed(self.rows)
        varying_C = varying_columns(rows)
        labels = rows.label_NT.shape[1]

        def measure(chosen: slice) -> torch.Tensor:
            x_BC = rows.x_NC[chosen]
            parts = [
                measured_by_feature(model.layout, logit_gradients(model, x_BC, label) * x_BC * varying_C).abs()
                for label in range(labels)
            ]
            return sum(parts[1:], parts[0]) / labels

        return Ranking.by_score(
            mean_by_feature(model, rows, measure), diagnostics={"rows": float(len(rows)), "passes": float(labels)}
        )
