"""Recursive feature elimination (Guyon et al. 2002) of a logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class RfeSpec(TabularSpec):
    """Score of a feature: share of the rounds that it survives. In each round a logistic regression is fitted, and the
    features of the least squared coefficients go.

    The paper eliminates columns; here a feature goes as a whole, by the sum of its squared coefficients over its
    standardized columns. What features say together is not seen. Rows count by their weights.
    """

    name: Literal["rfe"]
    step: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.1, description="share of the features left that go in a round, at least one"
    )

    def rank(self, sample: Sample) -> Ranking:
        """By scikit-learn's LogisticRegression. The order within a round is that of the squared coefficients."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        x_NK = matrix.standardized()
        left, rounds = list(matrix.columns), list[list[str]]()
        while left:
            columns = np.concatenate(
                [np.arange(matrix.columns[name].start, matrix.columns[name].stop) for name in left]
            )
            model = LogisticRegression(max_iter=1000)
            model.fit(x_NK[:, columns], matrix.label_N, sample_weight=matrix.weight_N)
            square_K = np.zeros(x_NK.shape[1])
            square_K[columns] = model.coef_[0] ** 2
            weight = matrix.total(square_K)
            left.sort(key=lambda name: weight[name])
            going = max(1, int(len(left) * self.step))
            rounds.append(left[:going])
            left = left[going:]
        return Ranking(
            names=tuple(name for going in reversed(rounds) for name in reversed(going)),
            scores={name: number / len(rounds) for number, going in enumerate(rounds) for name in going},
            probability_like=False,
            diagnostics={"passes": 1.0, "rounds": float(len(rounds))},
        )
