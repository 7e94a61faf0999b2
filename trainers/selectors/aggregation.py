"""One ranking out of those that several seeds gave. Numpy only.

How often a feature is selected over repeated fits is the selection frequency of stability selection (Meinshausen and
Bühlmann 2010); mean places are a Borda count.

Shapes: S seeds, F features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.selectors.base import Ranking
from trainers.selectors.gates.ranking import OPEN

Value = TypeVar("Value")
SELECTION_FREQUENCY = "selection_frequency"


def aggregate(rankings: Sequence[Ranking]) -> Ranking:
    """The ranking that the seeds' rankings agree on most.

    Scores, details and numeric diagnostics are means over the seeds that have them; what else a ranking says is the
    first seed's. Features are ordered by their mean place, and where that is equal by their mean score. A selector
    may rank a feature before others of higher scores; the mean place keeps what most seeds decided so.

    Args:
        rankings: one a seed, of the same features. One alone is returned as it is.
    """
    if len(rankings) == 1:
        return rankings[0]
    first, places_SF = rankings[0], _places(rankings)
    scores = _means(ranking.scores for ranking in rankings)
    mean_place = dict(zip(first.names, places_SF.mean(0).tolist(), strict=True))

    details = {name: _means(found) for name, found in _by_name(ranking.details for ranking in rankings).items()}
    diagnostics = {**first.diagnostics, **_means(_numbers(ranking.diagnostics) for ranking in rankings)}
    agreement: dict[str, float] = {"seeds": float(len(rankings)), "seed_rank_correlation": _correlation(places_SF)}
    if first.probability_like:
        opened = [{name for name, score in ranking.scores.items() if score >= OPEN} for ranking in rankings]
        details[SELECTION_FREQUENCY] = {name: fmean(name in each for each in opened) for name in first.names}
        agreement["seed_jaccard"] = mean_jaccard(opened)
    return replace(
        first,
        names=tuple(sorted(first.names, key=lambda name: (mean_place[name], -scores[name]))),
        scores=scores,
        details=details,
        diagnostics={**diagnostics, **agreement},
    )


def carried(ranking: Ranking, copies: Iterable[Sequence[str]]) -> Ranking:
    """The ranking in which the first of each group of copies has the group's best place, the second the next, …

    Which of two copies a seed keeps is chance. Averaged under their own names, both would end in the middle.

    Args:
        ranking: of one seed.
        copies: groups of features with the same values; the first of each is to carry the others.
    """
    place = {name: at for at, name in enumerate(ranking.names)}
    pairs = [
        (old, new) for group in copies for old, new in zip(sorted(group, key=place.__getitem__), group, strict=True)
    ]
    if all(old == new for old, new in pairs):
        return ranking
    called = dict(pairs)

    def renamed(values: Mapping[str, float]) -> dict[str, float]:
        return {called.get(name, name): value for name, value in values.items()}

    return replace(
        ranking,
        names=tuple(called.get(name, name) for name in ranking.names),
        scores=renamed(ranking.scores),
        details={detail: renamed(values) for detail, values in ranking.details.items()},
    )


def mean_jaccard(sets: Sequence[set[str]]) -> float:
    """The mean over all pairs of |A ∩ B| / |A ∪ B|: 1 where all sets are equal, and for two empty ones.

    Example:
        >>> mean_jaccard([{"a", "b"}, {"b", "c"}])
        0.3333333333333333
    """
    pairs = combinations(sets, 2)
    return fmean(len(one & other) / len(one | other) if one | other else 1.0 for one, other in pairs)


def _places(rankings: Sequence[Ranking]) -> NDArray[np.int64]:
    """By seed the place of every feature, from 0 for the best (S × F), features as the first ranking has them."""
    found = [{name: place for place, name in enumerate(ranking.names)} for ranking in rankings]
    return np.array([[places[name] for name in rankings[0].names] for places in found])


def _correlation(places_SF: NDArray[np.int64]) -> float:
    """Spearman's, the mean over all pairs of seeds. Places have no ties, so that it is Pearson's of the places."""
    seeds, features = places_SF.shape
    if features < 2:
        return 1.0
    correlation_SS = np.atleast_2d(np.corrcoef(places_SF))
    return float(correlation_SS[np.triu_indices(seeds, 1)].mean())


def _means(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(values) for name, values in _by_name(found).items()}


def _by_name(found: Iterable[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """The values of each name, of the mappings that have it."""
    values: dict[str, list[Value]] = {}
    for each in found:
        for name, value in each.items():
            values.setdefault(name, []).append(value)
    return values


def _numbers(diagnostics: Mapping[str, float | bool | str]) -> dict[str, float]:
    return {name: value for name, value in diagnostics.items() if not isinstance(value, bool | str)}
