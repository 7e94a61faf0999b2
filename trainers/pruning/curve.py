"""The selection curve: quality against what is kept, along the ranking, from one trained model (FairFS Eq. 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainers.runs.results import CurvePoint

# From here on a gate lets more through than it holds back.
OPEN = 0.5


@dataclass(frozen=True, kw_only=True)
class FeatureScore:
    """What the selector found of a feature; `embedding_bytes` of its table's weights, 0 for dense ones.

    `mean_gate` is the mean of the gate while gates were penalized; it orders closed features, whose last gates are all
    near 0 and say little. `details` is what else the selector tells of the feature, by name.
    """

    name: str
    kind: str
    dim: int
    score: float
    mean_gate: float
    details: Mapping[str, float] = field(default_factory=dict)
    essential: bool = False
    embedding_bytes: int = 0
    bytes_per_example: float = 0.0


def ranked(scores: Sequence[FeatureScore]) -> list[FeatureScore]:
    """Essential features first, then open ones by score, then closed ones by how long they held out."""
    return sorted(
        scores, key=lambda s: (not s.essential, s.score < OPEN, -s.score if s.score >= OPEN else -s.mean_gate)
    )


def ranking_prefixes(scores: Sequence[FeatureScore], points: int) -> list[tuple[str, ...]]:
    """Kept sets to evaluate: prefixes of the ranking, at most `points`, evenly spaced, the smallest and all included.

    The smallest holds the essential features, or the best one where there are none.
    """
    names = [score.name for score in ranked(scores)]
    least = max(1, sum(score.essential for score in scores))
    sizes = np.unique(np.linspace(least, len(names), min(points, len(names) - least + 1)).round().astype(int))
    return [tuple(names[:size]) for size in sizes]


def smallest_within(curve: Sequence[CurvePoint], delta: float) -> CurvePoint:
    """The fewest features whose logloss exceeds that of all features by less than `delta` (FairFS Eq. 1)."""
    whole = max(curve, key=lambda point: point.features)
    good = [point for point in curve if point.logloss - whole.logloss < delta or point is whole]
    return min(good, key=lambda point: point.features)
