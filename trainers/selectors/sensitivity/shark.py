"""SHARK (Zhang et al. 2023), its F-permutation: permutation importance by Taylor expansion, and iterative pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import torch

    from trainers.selectors.sensitivity.trained import EmbeddedRows, TrainedModel


class SharkSpec(SensitivitySpec):
    """Score of a feature: mean over the rows of |⟨∂L/∂e_i, ē_i − e_i⟩|, what its mean costs to first order, in nats.

    Columns of a feature are summed before the absolute value, so that any dim gives one number. The features of the
    lowest scores go to their means, and the others are scored anew, until none is left: a feature's score is that of
    the round in which it goes, and at least that of those before it. The paper trains on between rounds; here the
    model stays as it is, and the pruned model is fine-tuned once.
    """

    name: Literal["shark"]
    rounds: Annotated[int, Field(ge=1)] = Field(
        default=8, description="in which features go, about as many in each; 1: all by their first scores"
    )
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """The detail `first_order` is the score of the first round, with all features at work."""
        from trainers.selectors.sensitivity.baselines import weighted_mean

        rows = model.embed(self.rows)
        mean_C = weighted_mean(rows.x_NC, rows.weight_N)
        left, gone = list(model.layout.names), list[str]()
        scores: dict[str, float] = {}
        first: dict[str, float] = {}
        rounds = min(self.rounds, len(left))
        for number in range(1, rounds + 1):
            found = _first_order(model, rows, mean_C, gone)
            first = first or found
            left.sort(key=lambda name: found[name])
            going = left[: len(model.layout.names) * number // rounds - len(gone)]
            floor = max(scores.values(), default=0.0)
            scores |= {name: max(floor, found[name]) for name in going}
            gone, left = gone + going, left[len(going) :]
        return Ranking(
            names=tuple(reversed(gone)),
            scores=scores,
            probability_like=False,
            details={"first_order": first},
            diagnostics={"rows": float(len(rows)), "passes": float(rounds)},
        )


def _first_order(model: TrainedModel, rows: EmbeddedRows, mean_C: torch.Tensor, gone: list[str]) -> dict[str, float]:
    """Of every feature, with those that are gone at their means: 0 for these."""
    from trainers.selectors.sensitivity.gradients import loss_gradients, mean_by_feature, measured_by_feature

    columns = model.layout.columns(gone)

    def measure(chosen: slice) -> torch.Tensor:
        x_BC = rows.x_NC[chosen].clone()
        x_BC[:, columns] = mean_C[columns]
        gradient_BC = loss_gradients(model, x_BC, rows.label_NT[chosen])
        return measured_by_feature(model.layout, gradient_BC * (mean_C - x_BC)).abs()

    return mean_by_feature(model, rows, measure)
