"""Integrated gradients (Sundararajan, Taly and Yan 2017): a prediction divided among the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec
from trainers.selectors.sensitivity.baselines import BASELINES, BaselineKind

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import TrainedModel


class IntegratedGradientsSpec(SensitivitySpec):
    """Score of a feature: mean over the rows and labels of |IG_i|, its part of what the logit differs by from the
    baseline's. It reads no labels.

    A feature's columns are summed before the absolute value, so that features of any dims share out one difference.
    """

    name: Literal["integrated_gradients"]
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=8, description="places along the path where gradients are taken, by Gauss and Legendre"
    )
    baseline: BaselineKind = Field(default="mean", description=BASELINES)
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """IG_i(x) = ⟨x_i − x'_i, ∫₀¹ ∂z(x' + α (x − x')) / ∂x_i dα⟩ (Eq. 1). Columns that never vary count 0."""
        import numpy as np
        import torch

        from trainers.selectors.sensitivity.baselines import baseline_of
        from trainers.selectors.sensitivity.gradients import (
            logit_gradients,
            mean_by_feature,
            measured_by_feature,
            varying_columns,
        )

        rows = model.embed(self.rows)
        baseline = baseline_of(self.baseline, model.layout, rows.x_NC, rows.weight_N, model.seed)
        varying_C, labels = varying_columns(rows), rows.label_NT.shape[1]
        places, weights = np.polynomial.legendre.leggauss(self.steps)

        def measure(chosen: slice) -> torch.Tensor:
            x_BC, baseline_BC = rows.x_NC[chosen], baseline(chosen)
            total_BF = torch.zeros(len(x_BC), len(model.layout), dtype=torch.float64)
            for label in range(labels):
                gradient_BC = torch.zeros_like(x_BC)
                for place, weight in zip(((places + 1) / 2).tolist(), (weights / 2).tolist(), strict=True):
                    gradient_BC += weight * logit_gradients(model, torch.lerp(baseline_BC, x_BC, place), label)
                part_BC = (x_BC - baseline_BC) * gradient_BC * varying_C
                total_BF += measured_by_feature(model.layout, part_BC).abs()
            return total_BF / labels

        return Ranking.by_score(
            mean_by_feature(model, rows, measure),
            diagnostics={"rows": float(len(rows)), "passes": float(labels * self.steps)},
        )
