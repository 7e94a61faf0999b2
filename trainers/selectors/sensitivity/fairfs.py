"""FairFS (Wang et al. 2026): importance aggregated over anchors between a row and its smoothing baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec
from trainers.selectors.sensitivity.baselines import BASELINES, BaselineKind

if TYPE_CHECKING:
    import torch

    from sharding.layout import FeatureLayout
    from trainers.selectors.base import TrainingTerm
    from trainers.selectors.sensitivity.trained import TrainedModel

# Below the root of the training term, whose gradient is infinite at 0.
TINY = 1e-12


class FairfsSpec(SensitivitySpec):
    """Score of a feature: validation logloss that its baseline costs, in nats, by gradients along the way there.

    The paper has features of one dim. Where dims differ, the smoothing baseline is taken in units of each feature and
    resampled to its columns; importances of columns are summed, so that a feature's is one number whatever its dim.
    """

    name: Literal["fairfs"]
    anchors: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=5, description="n_ac of Eq. 8: gradients are taken at anchors + 1 places; 0: at the row alone"
    )
    baseline: BaselineKind = Field(default="smooth", description=BASELINES)
    regularization: Annotated[float, Field(ge=0.0)] = Field(
        default=0.001, description="λ of Eq. 9: weight of the importances in the training loss; 0: plain training"
    )
    rows: MeasuredRows = 65_536

    def training_term(self) -> TrainingTerm | None:
        """λ Σ_i ‖I(e_i)‖₂ (Eq. 9) with M = 0: the gradient at the row itself.

        The norm is the root mean square over the rows of the batch, so that λ means the same for any batch size; with
        several ranks each takes its own rows. I(e_i) is a number for each row and feature (Eq. 4).
        """
        return self._term if self.regularization else None

    def _term(self, layout: FeatureLayout, x_BC: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        import torch

        from trainers.selectors.sensitivity.baselines import baseline_of
        from trainers.selectors.sensitivity.gradients import by_feature

        (gradient_BC,) = torch.autograd.grad(loss, x_BC, create_graph=True)
        seed = int(torch.randint(2**62, ()))
        baseline_BC = baseline_of(self.baseline, layout, x_BC, torch.ones(len(x_BC)), seed)(slice(None))
        importance_BF = by_feature(layout, len(x_BC) * gradient_BC * (x_BC - baseline_BC))
        return self.regularization * (importance_BF.square().mean(0) + TINY).sqrt().sum()

    def rank(self, model: TrainedModel) -> Ranking:
        """Algorithm 2: of every row, I(e_i) = ⟨e_i − ẽ_i, mean gradient over the anchors⟩ (Eq. 7 and 8), all features
        moving together; then the mean over the rows.

        I is the loss at the row less that at its baseline (Eq. 3), which is below 0 for a feature that helps: the score
        is −I. The detail `magnitude` is the mean of |I| over the rows. The diagnostic `baseline_prediction` is the mean
        prediction at the baseline: the nearer to 0.5, the less it says. `approximation_error` is what the anchors miss
        of the difference of the two losses, in nats.
        """
        from trainers.selectors.sensitivity.baselines import baseline_of
        from trainers.selectors.sensitivity.gradients import mean_over_rows, varying_columns

        rows, names = model.embed(self.rows), model.layout.names
        baseline = baseline_of(self.baseline, model.layout, rows.x_NC, rows.weight_N, model.seed)
        varying_C = varying_columns(rows)

        def measure(chosen: slice) -> torch.Tensor:
            return self._measure(model, rows.x_NC[chosen], baseline(chosen), rows.label_NT[chosen], varying_C)

        (loss, baseline_loss, prediction, total), found = mean_over_rows(model, rows, measure, 4)
        return Ranking.by_score(
            {name: -value for name, value in zip(names, found, strict=False)},
            details={"magnitude": dict(zip(names, found[len(names) :], strict=True))},
            diagnostics={
                "logloss": loss,
                "baseline_prediction": prediction,
                "approximation_error": abs(loss - baseline_loss - total),
                "rows": float(len(rows)),
                "passes": float(self.anchors + 3),
            },
        )

    def _measure(
        self,
        model: TrainedModel,
        x_BC: torch.Tensor,
        baseline_BC: torch.Tensor,
        label_BT: torch.Tensor,
        varying_C: torch.Tensor,
    ) -> torch.Tensor:
        """Of each row: loss, loss and prediction at the baseline, the sum of all columns' importances, then the
        importances of the features and their magnitudes: (B, 4 + 2F)."""
        import torch

        from trainers.selectors.sensitivity.gradients import loss_gradients, measured_by_feature

        gradient_BC = torch.zeros_like(x_BC)
        for anchor in range(self.anchors + 1):
            gradient_BC += loss_gradients(model, torch.lerp(x_BC, baseline_BC, anchor / max(1, self.anchors)), label_BT)
        product_BC = (x_BC - baseline_BC) * gradient_BC / (self.anchors + 1)
        importance_BF = measured_by_feature(model.layout, product_BC * varying_C)
        losses = torch.nn.functional.binary_cross_entropy_with_logits
        with torch.no_grad():
            logits = [model.model.backbone(each).cpu().double() for each in (x_BC, baseline_BC)]
        loss_B, baseline_loss_B = (losses(logit, label_BT.double(), reduction="none").mean(1) for logit in logits)
        seen = [loss_B, baseline_loss_B, logits[1].sigmoid().mean(1), product_BC.cpu().double().sum(1)]
        return torch.cat([torch.stack(seen, 1), importance_BF, importance_BF.abs()], 1)
