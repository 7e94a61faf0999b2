"""Gradient-boosted trees (Friedman 2001) as LightGBM has them (Ke et al. 2017): gain of the splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class GbdtSpec(TabularSpec):
    """Score of a feature: the gain of LightGBM's splits on it, summed over its columns, as a share of all gain.

    Of features that say the same, one may get all of it. Rows count by their weights.
    """

    name: Literal["gbdt"]
    trees: Annotated[int, Field(ge=1)] = 100
    leaves: Annotated[int, Field(ge=2)] = Field(default=31, description="of a tree at most")

    def rank(self, sample: Sample) -> Ranking:
        import numpy as np
        from lightgbm import LGBMClassifier

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        model = LGBMClassifier(
            n_estimators=self.trees,
            num_leaves=self.leaves,
            importance_type="gain",
            random_state=sample.seed % 2**31,
            deterministic=True,
            force_col_wise=True,
            verbosity=-1,
        )
        model.fit(matrix.x_NK, matrix.label_N, sample_weight=matrix.weight_N)
        gain_K = np.asarray(model.feature_importances_, np.float64)
        return Ranking.by_score(matrix.total(gain_K / (gain_K.sum() or 1.0)), diagnostics={"passes": 1.0})
