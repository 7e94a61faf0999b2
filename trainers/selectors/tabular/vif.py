"""Variance inflation beside relevance (Cheng et al. 2022): a feature that others repeat counts less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.tabular.matrix import Matrix
    from trainers.selectors.tabular.sample import Sample

# What is left of a column's variance is taken for 0 below this.
NOTHING_LEFT = 1e-9


class VifSpec(TabularSpec):
    """Score of a feature: |r| with the label over √VIF, VIF = 1 / (1 − R²) of the feature given those of greater |r|.

    VIF alone knows no label, and of two copies would blame both: here the first keeps its |r|, and the second has
    nothing. The paper has one number for a feature; a vector counts by its best column. Rows count alike.
    """

    name: Literal["vif"]

    def rank(self, sample: Sample) -> Ranking:
        """The details `relevance`, the greatest |r| with the label, and `vif`, at most 1e9, the least of the feature's
        columns."""
        import numpy as np

        from trainers.selectors.tabular.correlation import with_label
        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        relevance_K = with_label(matrix)
        left_K = unexplained(matrix, relevance_K)
        return Ranking.by_score(
            matrix.best(relevance_K * np.sqrt(left_K)),
            details={
                "relevance": matrix.best(relevance_K),
                "vif": {name: 1 / max(value, NOTHING_LEFT) for name, value in matrix.best(left_K).items()},
            },
            diagnostics={"passes": 1.0},
        )


def unexplained(matrix: Matrix, relevance_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 − R² of each column given the columns of all features of greater relevance: (K), 0 for constant columns.

    Features are taken out of the correlations one after another; what is left on the diagonal is 1 − R².
    """
    import numpy as np

    from trainers.selectors.tabular.correlation import among_columns

    left_KK, found_K = among_columns(matrix), np.zeros(len(relevance_K))
    best = matrix.best(relevance_K)
    for name in sorted(best, key=lambda name: -best[name]):
        own = matrix.columns[name]
        diagonal_k = np.diagonal(left_KK)[own]
        found_K[own] = np.where(diagonal_k > NOTHING_LEFT, diagonal_k, 0.0)
        inverse_kk = np.linalg.pinv(left_KK[own, own], rcond=NOTHING_LEFT, hermitian=True)
        left_KK -= left_KK[:, own] @ inverse_kk @ left_KK[own, :]
    return found_K
