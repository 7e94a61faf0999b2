"""One ranking out of those of several selectors, and how far they agree. Numpy only.

Shapes: M methods, F features that are ranked (essential ones aren't).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trainers.selectors.base import Ranking

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How methods rank the same features.

    Args:
        methods: their labels.
        names: of the features that aren't essential.
        rank_MF: from 1 for the best; features that a method scores alike share their mean rank.
    """

    methods: tuple[str, ...]
    names: tuple[str, ...]
    rank_MF: Floats

    @property
    def share_MF(self) -> Floats:
        """Ranks scaled to [0, 1], 0 for the best: what lists of any length have in common."""
        return (self.rank_MF - 1) / max(1, len(self.names) - 1)

    @property
    def spread_F(self) -> Floats:
        """How far apart a feature's best and its worst rank are, as a share of the list: 0 where all agree."""
        spread_F: Floats = np.ptp(self.rank_MF, axis=0) / max(1, len(self.names) - 1)
        return spread_F

    @property
    def kendall_w(self) -> float:
        """Kendall's coefficient of concordance, corrected for ties (Kendall and Gibbons 1990, ch. 6).

            W = 12 Σ_f (R_f − R̄)² / (M² (F³ − F) − M Σ_m T_m),  T_m = Σ (t³ − t) over m's groups of t equal ranks

        R_f is a feature's sum of ranks. 1: all rank alike; near 0: no more than by chance. 1 where nothing is ranked
        before anything else.
        """
        methods, features = self.rank_MF.shape
        sum_F = self.rank_MF.sum(0)
        ties = sum(float((count**3 - count).sum()) for count in map(_group_sizes, self.rank_MF))
        largest = methods**2 * (features**3 - features) - methods * ties
        return float(12 * ((sum_F - sum_F.mean()) ** 2).sum() / largest) if largest > 0 else 1.0

    def correlations(self) -> dict[str, float]:
        """Spearman's correlation of each two methods; none where one of them ranks all features alike."""
        pairs = combinations(range(len(self.methods)), 2)
        found = {(a, b): correlation(self.rank_MF[a], self.rank_MF[b]) for a, b in pairs}
        return {
            f"spearman_{self.methods[a]}_{self.methods[b]}": value
            for (a, b), value in found.items()
            if value is not None
        }


def compare(rankings: Mapping[str, Ranking], essential: Collection[str] = ()) -> Agreement:
    """How methods rank the features that aren't essential.

    Args:
        rankings: by the method's label, all of the same features.
        essential: features that stay whatever is said of them; some methods put them first, others don't.
    """
    first = next(iter(rankings.values()))
    names = tuple(name for name in first.names if name not in set(essential))
    return Agreement(
        methods=tuple(rankings),
        names=names,
        rank_MF=np.stack([_ranks(ranking, names) for ranking in rankings.values()]),
    )


def combine(agreement: Agreement, rankings: Mapping[str, Ranking]) -> Ranking:
    """Features by their mean rank: a Borda count. Of equal means the method named first decides; essential ones come
    before all others, with score 1.

    The details are each method's rank, `rank_METHOD`, and `rank_spread`; the diagnostics Kendall's W and Spearman's
    correlations.
    """
    names, share_MF = agreement.names, agreement.share_MF
    mean_F = share_MF.mean(0)
    order = np.lexsort((*agreement.rank_MF[::-1], mean_F.round(12)))
    essential = [name for name in next(iter(rankings.values())).names if name not in set(names)]
    scores = dict(zip(names, (1 - mean_F).tolist(), strict=True))
    ranks = {
        f"rank_{method}": dict(zip(names, rank_F.tolist(), strict=True))
        for method, rank_F in zip(agreement.methods, agreement.rank_MF, strict=True)
    }
    return Ranking(
        names=(*essential, *(names[place] for place in order)),
        scores={**dict.fromkeys(essential, 1.0), **scores},
        probability_like=False,
        details={**ranks, "rank_spread": dict(zip(names, agreement.spread_F.tolist(), strict=True))},
        diagnostics={"kendall_w": agreement.kendall_w, **agreement.correlations()},
    )


def correlation(one_F: Floats, other_F: Floats) -> float | None:
    """Spearman's, ties at their mean rank; None where either has one value alone."""
    if min(map(len, (one_F, other_F))) < 2 or np.ptp(one_F) == 0 or np.ptp(other_F) == 0:
        return None
    return float(np.corrcoef(mean_ranks(one_F), mean_ranks(other_F))[0, 1])


def mean_ranks(value_F: Floats) -> Floats:
    """Ranks from 1 for the least; equal values share their mean rank.

    Example:
        >>> mean_ranks(np.array([0.3, 0.1, 0.3])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, group_F, count_G = np.unique(value_F, return_inverse=True, return_counts=True)
    last_G = count_G.cumsum()
    rank_F: Floats = (last_G - (count_G - 1) / 2)[group_F]
    return rank_F


def _ranks(ranking: Ranking, names: tuple[str, ...]) -> Floats:
    """From 1 for the best. A gate's order says more than its scores, which many features share near 0 and 1."""
    wanted = set(names)
    ordered = [name for name in ranking.names if name in wanted]
    group, at = 0, dict[str, float]()
    for place, name in enumerate(ordered):
        same = place > 0 and ranking.scores[name] == ranking.scores[ordered[place - 1]]
        group = group if same and "mean_gate" not in ranking.details else place
        at[name] = float(group)
    return mean_ranks(np.array([at[name] for name in names]))


def _group_sizes(rank_F: Floats) -> NDArray[np.int64]:
    sizes_G: NDArray[np.int64] = np.unique(rank_F, return_counts=True)[1]
    return sizes_G
