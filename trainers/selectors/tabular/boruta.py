"""Boruta (Kursa and Rudnicki 2010): whether a feature beats shadows, permuted copies of all features, in forests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class BorutaSpec(TabularSpec):
    """Score of a feature: share of the forests in which it is more important than the best shadow.

    The paper has one column for a feature. Here a shadow is a whole feature permuted among the rows, and the best of a
    feature's columns has to beat the best column of all shadows. A feature that carries nothing does so in few of the
    forests, if in more the wider it is: 0.5 is a sound threshold. Rows count alike.
    """

    name: Literal["boruta"]
    probability_like: ClassVar[bool] = True
    forests: Annotated[int, Field(ge=1)] = Field(default=20, description="each with shadows of its own")
    trees: Annotated[int, Field(ge=1)] = Field(default=50, description="of a forest")
    depth: Annotated[int, Field(ge=1, le=30)] = Field(default=5, description="of a tree at most")

    def rank(self, sample: Sample) -> Ranking:
        """By scikit-learn's RandomForestClassifier. Features of one score are in the order of the detail `importance`,
        their mean importance."""
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        columns, width = matrix.columns, matrix.x_NK.shape[1]
        hits, importance = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0.0)
        for number in range(self.forests):
            random = np.random.default_rng([sample.seed % 2**64, number])
            shadow_NK = np.empty_like(matrix.x_NK)
            for own in columns.values():
                shadow_NK[:, own] = matrix.x_NK[random.permutation(len(sample)), own]
            forest = RandomForestClassifier(
                self.trees, max_depth=self.depth, n_jobs=-1, random_state=int(random.integers(2**32))
            )
            forest.fit(np.concatenate([matrix.x_NK, shadow_NK], 1), matrix.label_N)
            found_K = forest.feature_importances_
            best = float(found_K[width:].max())
            for name, value in matrix.best(found_K[:width]).items():
                hits[name] += int(value > best)
                importance[name] += value / self.forests
        return Ranking(
            names=tuple(sorted(columns, key=lambda name: (-hits[name], -importance[name]))),
            scores={name: hit / self.forests for name, hit in hits.items()},
            probability_like=True,
            details={"importance": importance},
            diagnostics={"passes": 1.0, "forests": float(self.forests)},
        )
