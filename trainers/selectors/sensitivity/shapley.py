"""Shapley values of the loss (Lundberg and Lee 2017; SAGE: Covert, Lundberg and Lee 2020) of the features that a cut is
about.

Shapes: K players.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import comb
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec
from trainers.selectors.sensitivity.leave_one_out import rises_without

if TYPE_CHECKING:
    from trainers.selectors.sensitivity.trained import TrainedModel


class ShapleySpec(SensitivitySpec):
    """Score of a feature: its Shapley value of the fall of validation logloss, in nats; absent features are at their
    means, all columns of a feature together, whatever its dim.

    A first pass leaves out one feature at a time. Its order is final but for the `players` around the place of the cut:
    these share the loss between the features before them, all present, and those after them, all absent. Features that
    say the same share what they say evenly, where leaving out either costs nothing.
    """

    name: Literal["shapley"]
    players: Annotated[int, Field(ge=1, le=20)] = Field(
        default=12, description="features around the cut that Shapley values are computed for"
    )
    cut: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="features that are meant to stay; half of them unless given"
    )
    orders: Annotated[int, Field(ge=1)] = Field(
        default=32,
        description="random orders of the players, each with its reverse, where all subsets would take more passes",
    )
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """Exact where the 2^K subsets take no more passes than the sampled orders, 2 · orders · K. The details:
        `first_pass`, the rise of logloss without the feature alone, and `shapley` of the players."""
        from trainers.selectors.sensitivity.baselines import mean_values

        rows, names = model.embed(self.rows), model.layout.names
        means, base = mean_values(model.layout, rows), model.logloss(rows)
        first = rises_without(model, rows, means, base)
        order = sorted(names, key=lambda name: -first[name])
        players, absent = self._window(order)
        exact = 2 ** len(players) <= 2 * self.orders * len(players)
        orders = [] if exact else _sampled(len(players), self.orders, model.seed)
        subsets = list(range(2 ** len(players))) if exact else sorted({each for path in orders for each in path})

        def loss(subset: int) -> float:
            gone = [name for place, name in enumerate(players) if not subset >> place & 1]
            return model.logloss(rows, replaced={name: means[name] for name in (*gone, *absent)})

        losses = model.spread(subsets, loss)
        values = exact_values(losses, len(players)) if exact else sampled_values(losses, orders, len(players))
        shapley = dict(zip(players, values, strict=True))
        before = order[: order.index(players[0])]
        chosen = sorted(players, key=lambda name: -shapley[name])
        return Ranking(
            names=(*before, *chosen, *absent),
            scores={**first, **shapley},
            probability_like=False,
            details={"first_pass": first, "shapley": shapley},
            diagnostics={
                "logloss": base,
                "exact": exact,
                "rows": float(len(rows)),
                "passes": float(1 + len(names) + len(subsets)),
            },
        )

    def _window(self, order: Sequence[str]) -> tuple[list[str], list[str]]:
        """The players, and the features after them."""
        size = min(self.players, len(order))
        cut = min(self.cut or (len(order) + 1) // 2, len(order))
        start = min(max(0, cut - size // 2), len(order) - size)
        return list(order[start : start + size]), list(order[start + size :])


def exact_values(losses: Mapping[int, float], players: int) -> list[float]:
    """φ_i = Σ_{S ∌ i} |S|! (K − |S| − 1)! / K! · (loss(S) − loss(S ∪ i)), K values.

    Args:
        losses: of each subset; bit i of its number says whether player i is present.
        players: K.
    """
    values = []
    for player in range(players):
        terms = (
            (losses[subset] - losses[subset | 1 << player]) / (players * comb(players - 1, subset.bit_count()))
            for subset in range(2**players)
            if not subset >> player & 1
        )
        values.append(sum(terms))
    return values


def sampled_values(losses: Mapping[int, float], orders: Sequence[Sequence[int]], players: int) -> list[float]:
    """The mean over the orders of what each player takes off the loss as it comes; `orders` as `_sampled` has them."""
    values = [0.0] * players
    for path in orders:
        for before, after in pairwise(path):
            values[(before ^ after).bit_length() - 1] += (losses[before] - losses[after]) / len(orders)
    return values


def _sampled(players: int, orders: int, seed: int) -> list[list[int]]:
    """For every random order and its reverse: the subsets from none to all as players come."""
    import numpy as np

    random = np.random.default_rng(seed % 2**64)
    found = []
    for _ in range(orders):
        order = random.permutation(players).tolist()
        for each in (order, order[::-1]):
            path = [0]
            for player in each:
                path.append(path[-1] | 1 << player)
            found.append(path)
    return found
