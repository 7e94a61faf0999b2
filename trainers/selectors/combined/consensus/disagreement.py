"""What features are like that methods disagree about: their dim, how often they are at their default, and how much of
them another feature says. Facts beside a disagreement, not proofs of its cause. Numpy only.

Shapes: F features that are ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from trainers.selectors.combined.consensus.agreement import Agreement, correlation

# A feature is named whose best and worst rank are so far apart, as a share of the list and in ranks; so many at most.
FAR_APART, RANKS_APART, MOST_NAMED = 1 / 3, 2, 5
# From here on a fact stands out: times the median dim, or its inverse; share of rows; |r|.
WIDE, SPARSE, REDUNDANT = 2.0, 0.5, 0.7
# Chance that any of the leanings that are told is none, and the fewest features that any is told of.
ERROR, LEAST_FEATURES = 0.05, 8


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Of every feature.

    Args:
        dims: widths.
        at_default: share of the rows looked at in which a feature is null or at its default; of a list, empty.
        closest: the other feature that says most of the same, and the greatest |r| of their columns; numbers as they
            are, ids by the label's mean over their other rows.
    """

    dims: Mapping[str, int]
    at_default: Mapping[str, float]
    closest: Mapping[str, tuple[str, float]]

    def of(self, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """What each fact makes a feature, and how much of it these have (F)."""
        return {
            "wide": np.array([float(self.dims[name]) for name in names]),
            "sparse": np.array([self.at_default[name] for name in names]),
            "redundant": np.array([self.closest[name][1] for name in names]),
        }


def find_closest(names: Sequence[str], size_FF: NDArray[np.float64]) -> dict[str, tuple[str, float]]:
    """By feature the other one with the greatest |r|; itself, with 0, where there is no other."""
    other_FF = np.where(np.eye(len(names), dtype=bool), -1.0, size_FF)
    best_F = other_FF.argmax(1)
    return {
        name: (names[best], max(0.0, float(other_FF[place, best])))
        for place, (name, best) in enumerate(zip(names, best_F.tolist(), strict=True))
    }


def explain(agreement: Agreement, facts: Facts) -> dict[str, str]:
    """Diagnostics in words: `disagreements` names the features that methods rank furthest apart, with the facts that
    stand out, and `leanings` what kind of features a method ranks higher or lower than the others do."""
    found = {
        "disagreements": "; ".join(_disagreements(agreement, facts)),
        "leanings": "; ".join(_leanings(agreement, facts)),
    }
    return {name: text or "none" for name, text in found.items()}


def _disagreements(agreement: Agreement, facts: Facts) -> Iterator[str]:
    spread_F, count = agreement.spread_F, len(agreement.names)
    widths = median(facts.dims[name] for name in agreement.names) if count else 0
    for place in np.argsort(-spread_F, kind="stable")[:MOST_NAMED].tolist():
        rank_M = agreement.rank_MF[:, place]
        if spread_F[place] < FAR_APART or np.ptp(rank_M) < RANKS_APART:
            return
        best, worst = int(rank_M.argmin()), int(rank_M.argmax())
        name = agreement.names[place]
        said = ", ".join(_standing_out(name, facts, widths)) or "neither wide, nor sparse, nor redundant"
        yield (
            f"{name} is {rank_M[best]:g} by {agreement.methods[best]} and {rank_M[worst]:g} by "
            f"{agreement.methods[worst]} of {count} ({said})"
        )


def _standing_out(name: str, facts: Facts, usual: float) -> Iterator[str]:
    dim, share, (other, size) = facts.dims[name], facts.at_default[name], facts.closest[name]
    if dim >= WIDE * usual or dim <= usual / WIDE:
        yield f"dim {dim}, median {usual:g}"
    if share >= SPARSE:
        yield f"at its default in {share:.0%} of rows"
    if size >= REDUNDANT:
        yield f"|r| {size:.2f} with {other}"


def _leanings(agreement: Agreement, facts: Facts) -> Iterator[str]:
    """Spearman's of a fact with how much higher a method ranks a feature than the others do on average; told where it
    is beyond chance, all tests of a consensus counted (Bonferroni)."""
    methods, features = agreement.rank_MF.shape
    if features < LEAST_FEATURES:
        return
    kinds = facts.of(agreement.names)
    limit = NormalDist().inv_cdf(1 - ERROR / (2 * methods * len(kinds))) / (features - 1) ** 0.5
    for place, method in enumerate(agreement.methods):
        lift_F = np.delete(agreement.rank_MF, place, 0).mean(0) - agreement.rank_MF[place]
        for kind, value_F in kinds.items():
            found = correlation(lift_F, value_F)
            if found is not None and abs(found) > limit:
                yield f"{method} ranks {kind} features {'higher' if found > 0 else 'lower'} (ρ {found:+.2f})"
