"""The ranking that a gate's scores make. Numpy only.

Shapes: F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.selectors.base import Ranking

# From here on a gate in [0, 1] lets more through than it holds back.
OPEN = 0.5
Vector = NDArray[np.floating]
# Standard errors of its cost beyond which a closed feature is missed for certain.
CERTAIN = 2.0


class Cost(NamedTuple):
    """The rise of the calibrated logloss, in nats, as a feature went, and its standard error."""

    rise: float
    error: float

    @property
    def certain(self) -> bool:
        return self.rise > CERTAIN * self.error


def rank_by_gate(
    names: Sequence[str],
    score_F: Vector,
    mean_gate_F: Vector | None = None,
    details: Mapping[str, Vector] | None = None,
    *,
    probability_like: bool = True,
) -> Ranking:
    """Open gates by score, then closed ones by their mean while they were penalized.

    The last gates of closed features are all near 0 and say little; how long they stayed open says more. Scores that
    aren't probability-like have no point at which a gate closes, and rank alone.

    Args:
        names: of the features.
        score_F: their gates at the end.
        mean_gate_F: their mean gates; the last ones where there are none.
        details: F numbers by name; `mean_gate` is added.
        probability_like: whether gates lie in [0, 1].
    """
    mean_F = score_F if mean_gate_F is None else mean_gate_F
    scores, means = dict(zip(names, score_F.tolist(), strict=True)), dict(zip(names, mean_F.tolist(), strict=True))

    def place(name: str) -> tuple[bool, float]:
        closed = probability_like and scores[name] < OPEN
        return closed, -(means if closed else scores)[name]

    found = {name: dict(zip(names, value_F.tolist(), strict=True)) for name, value_F in (details or {}).items()}
    return Ranking(
        names=tuple(sorted(names, key=place)),
        scores=scores,
        probability_like=probability_like,
        details={**found, "mean_gate": means},
    )


@dataclass(frozen=True, kw_only=True)
class Elimination:
    """What backward elimination found of a field of features.

    Args:
        names: best first: what may not go, then the others, the last that would go before the first.
        costs: by name, of those that may go. Features that went together share theirs equally.
        passes: how often the backbone ran over the rows.
        rows: that costs were counted on.
    """

    names: tuple[str, ...]
    costs: Mapping[str, Cost]
    passes: int
    rows: int


def weakest_first(ranking: Ranking) -> list[str]:
    """By the mean gate, which says more than the last one where that is near 0 or 1; of equal ones the worse ranked."""
    weight = ranking.details.get("mean_gate", ranking.scores)
    place = {name: at for at, name in enumerate(ranking.names)}
    return sorted(ranking.names, key=lambda name: (weight[name], -place[name]))


def reorder(ranking: Ranking, found: Elimination) -> Ranking:
    """The features that were eliminated from, in that order, before all others, which stay as they are.

    The detail `missed` is 1 for features whose gates are closed and that are missed for certain, and 0 for all others.
    """
    field = set(found.names)
    missed = {name for name, cost in found.costs.items() if ranking.scores[name] < OPEN and cost.certain}
    return replace(
        ranking,
        names=(*found.names, *(name for name in ranking.names if name not in field)),
        details={
            **ranking.details,
            "drop_cost": {name: cost.rise for name, cost in found.costs.items()},
            "drop_error": {name: cost.error for name, cost in found.costs.items()},
            "missed": {name: float(name in missed) for name in ranking.names},
        },
        diagnostics={
            **ranking.diagnostics, "elimination_passes": float(found.passes), "elimination_rows": float(found.rows)
        },
    )  # fmt: skip
