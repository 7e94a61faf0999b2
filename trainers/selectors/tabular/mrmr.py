"""Minimum redundancy, maximum relevance (Ding and Peng 2005; FCQ of Zhao et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.tabular.sample import Sample

# A redundancy below this is taken for it: noise is no merit.
LEAST_REDUNDANCY = 0.01
# An |r| of 1 with the label has an infinite F.
LARGEST_SQUARE = 1 - 1e-12


class MrmrSpec(TabularSpec):
    """Score of a feature: its F statistic with the label over its mean |r| with the features chosen before it, as it is
    chosen (FCQ of Zhao et al. 2019, Eq. 6).

    Scores are of different rounds: the order of choice is the ranking, and a later feature may have the greater score.
    The papers have one number for a feature; of a vector or a list, the best column and the closest pair of columns
    count. What features say together, and what isn't linear, is not seen. Rows count alike.
    """

    name: Literal["mrmr"]

    def rank(self, sample: Sample) -> Ranking:
        """The details `relevance`, F, and `redundancy` as it was chosen, 0 of the first."""
        import numpy as np

        from trainers.selectors.tabular.correlation import closest, with_label
        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        square_F = np.minimum(np.array(list(matrix.best(with_label(matrix)).values())) ** 2, LARGEST_SQUARE)
        relevance_F = square_F / (1 - square_F) * max(len(sample) - 2, 1)
        order, scores, redundancies = choose(relevance_F, closest(matrix))
        names = list(matrix.columns)
        return Ranking(
            names=tuple(names[place] for place in order),
            scores={names[place]: scores[place] for place in order},
            probability_like=False,
            details={
                "relevance": dict(zip(names, relevance_F.tolist(), strict=True)),
                "redundancy": {names[place]: redundancies[place] for place in order},
            },
            diagnostics={"passes": 1.0},
        )


def choose(
    relevance_F: NDArray[np.float64], redundancy_FF: NDArray[np.float64]
) -> tuple[list[int], dict[int, float], dict[int, float]]:
    """The order of choice, and each feature's score and mean redundancy when it was chosen."""
    import numpy as np

    order: list[int] = []
    scores: dict[int, float] = {}
    redundancies: dict[int, float] = {}
    sum_F = np.zeros(len(relevance_F))
    left_F = np.ones(len(relevance_F), bool)
    while left_F.any():
        mean_F = sum_F / max(1, len(order))
        score_F = relevance_F / np.maximum(mean_F, LEAST_REDUNDANCY) if order else relevance_F
        place = int(np.argmax(np.where(left_F, score_F, -np.inf)))
        order.append(place)
        scores[place], redundancies[place] = float(score_F[place]), float(mean_F[place])
        left_F[place] = False
        sum_F += redundancy_FF[place]
    return order, scores, redundancies
