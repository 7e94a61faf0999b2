"""Mutual information of each feature with the label, one feature at a time.

Shapes: N rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec
from trainers.selectors.tabular.parts import FEW_VALUES, parts_of
from trainers.selectors.tabular.sample import Column, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MutualInformationSpec(TabularSpec):
    """Score of a feature: its mutual information with the label, in nats. What features say together is not seen, and
    rows count alike, whatever their weights."""

    name: Literal["mutual_information"]
    neighbors: Annotated[int, Field(ge=1)] = Field(default=3, description="of a row, where numbers are compared")

    def rank(self, sample: Sample) -> Ranking:
        """Of each feature by what it is made of.

        - Ids, and numbers of few values: from the counts (scikit-learn's `mutual_info_score`), less what chance alone
          gives where label and values are independent (Vinh, Epps and Bailey 2010, Eq. 24a). Without that, an id that
          occurs once would know every label.
        - Other numbers: by nearest neighbours (Ross 2014; scikit-learn's `mutual_info_classif`).
        - Vectors and lists count as their best part, which is never more than they know: a column of the vector; the
          list's length, or whether it has one of its most frequent ids.
        """
        import numpy as np

        label_N = sample.label_N.astype(np.int64)
        scores = {name: self._score(column, label_N, sample.seed) for name, column in sample.columns.items()}
        return Ranking.by_score(scores, diagnostics={"passes": 1.0})

    def _score(self, column: Column, label_N: NDArray[np.int64], seed: int) -> float:
        return max(self._information(part_N, label_N, seed) for part_N in parts_of(column))

    def _information(self, part_N: NDArray[Any], label_N: NDArray[np.int64], seed: int) -> float:
        import numpy as np
        from sklearn.feature_selection import mutual_info_classif

        values, place_N = np.unique(part_N, return_inverse=True)
        if len(values) == 1:
            return 0.0
        if part_N.dtype.kind == "f" and len(values) > FEW_VALUES:
            centered_N = part_N - part_N.mean(dtype=np.float64)  # Noise is added to break ties, as large as the mean.
            found = mutual_info_classif(
                centered_N[:, None],
                label_N,
                discrete_features=False,
                n_neighbors=self.neighbors,
                random_state=seed % 2**32,
            )
            return float(found[0])
        return _counted(place_N, label_N)


def _counted(place_N: NDArray[np.int64], label_N: NDArray[np.int64]) -> float:
    """Mutual information of two discrete values over N rows, less its expectation under independence."""
    from sklearn.metrics import mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

    table = contingency_matrix(label_N, place_N, sparse=True)
    found = mutual_info_score(None, None, contingency=table)
    return float(found - expected_mutual_information(table, len(label_N)))
