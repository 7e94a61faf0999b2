"""XGBoost (Chen and Guestrin 2016): gain of the splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class XgboostSpec(TabularSpec):
    """Score of a feature: the gain of XGBoost's splits on it, summed over its columns, as a share of all gain.

    Of features that say the same, one may get all of it. Rows count by their weights.
    """

    name: Literal["xgboost"]
    trees: Annotated[int, Field(ge=1)] = 100
    depth: Annotated[int, Field(ge=1, le=20)] = Field(default=6, description="of a tree at most")

    def rank(self, sample: Sample) -> Ranking:
        import numpy as np
        from xgboost import XGBClassifier

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        model = XGBClassifier(n_estimators=self.trees, max_depth=self.depth, random_state=sample.seed % 2**31)
        model.fit(matrix.x_NK, matrix.label_N, sample_weight=matrix.weight_N)
        gain_K = np.zeros(matrix.x_NK.shape[1])
        for column, gain in model.get_booster().get_score(importance_type="total_gain").items():
            gain_K[int(column.removeprefix("f"))] = gain
        return Ranking.by_score(matrix.total(gain_K / (gain_K.sum() or 1.0)), diagnostics={"passes": 1.0})
