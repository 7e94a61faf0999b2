"""Leave one feature out (Liu et al. 2013), by its mean: how much worse a model is when a feature says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import EmbeddedRows, TrainedModel


class LeaveOneOutSpec(SensitivitySpec):
    """Score of a feature: the rise of validation logloss, in nats, when it stands at its mean in every row.

    The paper trains anew without each feature; here the model stays. All columns of a feature go together, whatever
    its dim. Features that say the same share their importance.
    """

    name: Literal["leave_one_out"]
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """Rows are embedded once. The diagnostic `passes` counts how often the backbone ran over the measured rows."""
        from trainers.selectors.sensitivity.baselines import mean_values

        rows, names = model.embed(self.rows), model.layout.names
        base = model.logloss(rows)
        found = rises_without(model, rows, mean_values(model.layout, rows), base)
        return Ranking.by_score(
            found, diagnostics={"logloss": base, "rows": float(len(rows)), "passes": float(1 + len(names))}
        )


def rises_without(
    model: TrainedModel, rows: EmbeddedRows, means: Mapping[str, torch.Tensor], base: float
) -> dict[str, float]:
    """By feature, how far the logloss is above `base` with that feature alone at its mean. Collective."""
    return model.spread(model.layout.names, lambda name: model.logloss(rows, replaced={name: means[name]}) - base)
