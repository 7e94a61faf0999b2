"""Lasso (Tibshirani 1996; Fonti and Belitser 2017): L1-penalized logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample

# The path of C: from just above where every coefficient is 0, in multiples of that.
FIRST, LAST = 1.5, 300.0


class LassoSpec(TabularSpec):
    """Score of a feature: its greatest coefficient as a share of the greatest of all, averaged over a path of
    penalties. Features that enter early and stay large are first.

    Columns are standardized. A vector counts by its best column: its other ones may be 0. What features say together
    is not seen. Rows count by their weights.
    """

    name: Literal["lasso"]
    penalties: Annotated[int, Field(ge=1, le=100)] = Field(default=8, description="along the path, from large to small")

    def rank(self, sample: Sample) -> Ranking:
        """By scikit-learn's LogisticRegression (liblinear)."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import l1_min_c

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        x_NK = matrix.standardized()
        share_K = np.zeros(x_NK.shape[1])
        if not x_NK.any():
            return Ranking.by_score(matrix.best(share_K), diagnostics={"passes": 1.0})
        least = float(l1_min_c(x_NK, matrix.label_N, loss="log"))
        for strength in np.geomspace(FIRST, LAST, self.penalties):
            model = LogisticRegression(
                l1_ratio=1.0, C=least * strength, solver="liblinear", random_state=sample.seed % 2**32
            )
            size_K = np.abs(model.fit(x_NK, matrix.label_N, sample_weight=matrix.weight_N).coef_[0])
            share_K += size_K / (size_K.max() or 1.0) / self.penalties
        return Ranking.by_score(matrix.best(share_K), diagnostics={"passes": 1.0})
