"""Random forest (Breiman 2001): mean decrease of impurity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class RandomForestSpec(TabularSpec):
    """Score of a feature: share of the decrease of Gini impurity that its splits make, summed over its columns.

    Of two features of equal worth, the one with more columns or more values is split more. Rows count by their weights.
    """

    name: Literal["random_forest"]
    trees: Annotated[int, Field(ge=1)] = 100
    leaf_rows: Annotated[int, Field(ge=1)] = Field(default=20, description="rows of a leaf at least")

    def rank(self, sample: Sample) -> Ranking:
        """By scikit-learn's RandomForestClassifier."""
        from sklearn.ensemble import RandomForestClassifier

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        forest = RandomForestClassifier(
            self.trees, min_samples_leaf=self.leaf_rows, n_jobs=-1, random_state=sample.seed % 2**32
        )
        forest.fit(matrix.x_NK, matrix.label_N, sample_weight=matrix.weight_N)
        return Ranking.by_score(matrix.total(forest.feature_importances_), diagnostics={"passes": 1.0})
