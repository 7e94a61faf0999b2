"""Pearson's correlation of each feature with the label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    from trainers.selectors.tabular.sample import Sample


class PearsonSpec(TabularSpec):
    """Score of a feature: the greatest |r| of its columns with the label. What features say together, and what isn't
    linear, is not seen. Rows count alike."""

    name: Literal["pearson"]

    def rank(self, sample: Sample) -> Ranking:
        from trainers.selectors.tabular.correlation import with_label
        from trainers.selectors.tabular.matrix import build_matrix

        matrix = build_matrix(sample)
        return Ranking.by_score(matrix.best(with_label(matrix)), diagnostics={"passes": 1.0})
