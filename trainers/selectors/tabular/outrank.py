"""OutRank (Škrlj and Mramor 2023): mutual information that knows how much a feature's number of values alone gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainers.selectors.tabular.sample import Sample


class OutrankSpec(TabularSpec):
    """Score of a feature: its mutual information with the label, in nats, less what copies of it get that are shuffled
    among the rows: an id of many values says much by chance.

    Numbers of many values count by quantiles; vectors and lists by their best part. Rows count alike.
    """

    name: Literal["outrank"]
    shuffles: Annotated[int, Field(ge=1)] = Field(default=3, description="of each feature, averaged")

    def rank(self, sample: Sample) -> Ranking:
        import numpy as np

        from trainers.selectors.tabular.parts import best_part

        def above_chance(code_N: NDArray[np.int64], label_N: NDArray[np.int64]) -> float:
            random = np.random.default_rng(sample.seed % 2**64)
            shuffled = [information(random.permutation(code_N), label_N) for _ in range(self.shuffles)]
            return information(code_N, label_N) - float(np.mean(shuffled))

        return Ranking.by_score(best_part(sample, above_chance), diagnostics={"passes": 1.0})


def information(code_N: NDArray[np.int64], label_N: NDArray[np.int64]) -> float:
    """Mutual information of a part's codes and the label, in nats, from the counts."""
    import numpy as np

    joint = np.bincount(code_N * 2 + label_N, minlength=2 * (int(code_N.max()) + 1)).reshape(-1, 2) / len(label_N)
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())
