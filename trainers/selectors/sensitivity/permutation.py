"""Permutation feature importance (Breiman 2001; Fisher et al. 2019): how much worse a model is without a feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.sensitivity.trained import EmbeddedRows, TrainedModel


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

        rows = model.embed(self.rows)
        base = model.logloss(rows)
        names = model.layout.names

        def rises(name: str) -> list[float]:
            return permuted_rises(model, rows, base, name, self.repeats, lambda random: random.permutation(len(rows)))

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


def permuted_rises(
    model: TrainedModel,
    rows: EmbeddedRows,
    base: float,
    name: str,
    repeats: int,
    permute: Callable[[np.random.Generator], NDArray[np.int64]],
) -> list[float]:
    """How far the logloss is above `base` with a feature permuted, once for each repeat.

    `permute` gives the rows that values are taken from (N), by a generator that is seeded by feature and repeat.
    """
    import numpy as np
    import torch

    place, found = model.layout.names.index(name), []
    for repeat in range(repeats):
        order_N = torch.from_numpy(permute(np.random.default_rng([model.seed % 2**64, place, repeat])))
        found.append(model.logloss(rows, {name: order_N}) - base)
    return found
