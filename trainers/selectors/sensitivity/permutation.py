"""Permutation feature importance (Breiman 2001; Fisher et al. 2019): how much worse a model is without a feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    from trainers.selectors.sensitivity.trained import TrainedModel


class PermutationSpec(SensitivitySpec):
    """Score of a feature: the rise of validation logloss, in nats, when its values are permuted among the rows.

    Features that say the same share their importance: each is little missed while the other stands.
    """

    name: Literal["permutation"]
    repeats: Annotated[int, Field(ge=1)] = Field(default=3, description="permutations of a feature, averaged")
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """The same scores for any number of ranks: permutations are of all measured rows, seeded by feature and
        repeat, and ranks divide the features among them.

        The detail `deviation` is the standard deviation over the repeats. The diagnostic `passes` counts how often the
        backbone ran over the measured rows.
        """
        import numpy as np
        import torch

        rows = model.embed(self.rows)
        base = model.logloss(rows)
        names = model.layout.names
        place = {name: position for position, name in enumerate(names)}

        def rises(name: str) -> list[float]:
            orders = (
                torch.from_numpy(
                    np.random.default_rng([model.seed % 2**64, place[name], repeat]).permutation(len(rows))
                )
                for repeat in range(self.repeats)
            )
            return [model.logloss(rows, {name: order_N}) - base for order_N in orders]

        found = model.spread(names, rises)
        return Ranking.by_score(
            {name: float(np.mean(each)) for name, each in found.items()},
            details={"deviation": {name: float(np.std(each)) for name, each in found.items()}},
            diagnostics={
                "logloss": base,
                "rows": float(len(rows)),
                "passes": float(1 + self.repeats * len(names)),
            },
        )
