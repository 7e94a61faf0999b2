"""The selection curve: quality against what is kept, along the ranking, from one trained model (FairFS Eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.pruning.ranking import RankedFeature, distinct
from trainers.runs.results import CurvePoint


def ranking_prefixes(features: Sequence[RankedFeature], points: int) -> list[tuple[str, ...]]:
    """Kept sets to evaluate: prefixes of the ranking, at most `points`, evenly spaced, the smallest and all included.

    Constant features and copies of features before them are left out, as the rules leave them out. The smallest set
    holds the essential features, or the best one where there are none.
    """
    names = [feature.name for feature in distinct(features)] or [features[0].name]
    least = max(1, sum(feature.essential for feature in features))
    sizes = np.unique(np.linspace(least, len(names), min(points, len(names) - least + 1)).round().astype(int))
    return [tuple(names[:size]) for size in sizes]


def smallest_within(curve: Sequence[CurvePoint], delta: float) -> CurvePoint:
    """The fewest dims whose logloss exceeds that of all by less than `delta` (FairFS Eq. 1).

    Points are prefixes of one ranking, so that they have the fewest features too.
    """
    whole = max(curve, key=lambda point: point.dims)
    good = [point for point in curve if point.logloss - whole.logloss < delta or point is whole]
    return min(good, key=lambda point: point.dims)
