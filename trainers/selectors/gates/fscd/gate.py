"""The gate of FSCD: Towards a Better Tradeoff between Effectiveness and Efficiency in Pre-Ranking: A Learnable Feature
Selection based Approach (Ma et al., SIGIR 2021, arXiv:2105.07706).

A feature is kept by z_j ~ Bernoulli(δ_j), relaxed as σ((log δ − log(1 − δ) + log u − log(1 − u))/0.1). Its
prior falls with its complexity: θ_j = 1 − σ(c_j), c_j = γ₁ o_j + γ₂ e_j + γ₃ n_j, of its cost of computation o, the
dim of its embedding e and the number of its keys n. The loss becomes

    −1/N log p(D | z, w) + 1/N Σ_j α_j δ_j,   α_j = log(1 − θ_j) − log θ_j,

and with that prior α_j = c_j: a feature's penalty is its complexity. Weights and δ are learned together.

Here the three parts of c are in units of their means over the learned features, so that γ has no unit and needs no
tuning to the data, n counts by its logarithm, because tables differ by orders of magnitude, and c is scaled to a mean
of 1, so that α is the penalty of the average feature. Dims may differ: they are a part of the penalty.

Shapes: F features.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.concrete import PenalizedConcreteGate
from trainers.selectors.gates.fscd import FscdSpec


class FscdGate(PenalizedConcreteGate):
    """Variational dropout, penalized by complexity.

    Args:
        costs: of serving each feature, in any one unit; the dims unless given.
        rows: of each feature's table, 1 for a dense one; not counted unless given.
    """

    complexity_F: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: FscdSpec,
        *,
        costs: Sequence[float] | None = None,
        rows: Sequence[int] | None = None,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        dims = torch.tensor(layout.dims, dtype=torch.float64)
        parts = (
            (config.cost_weight, dims if costs is None else torch.tensor(costs, dtype=torch.float64)),
            (config.dim_weight, dims),
            (config.rows_weight, torch.tensor(rows or [1] * len(layout), dtype=torch.float64).log()),
        )
        complexity_F = sum((weight * self._in_means(part_F) for weight, part_F in parts), torch.zeros_like(dims))
        complexity_F = self._in_means(complexity_F)
        self.register_buffer("complexity_F", complexity_F.float(), persistent=False)

    def _in_means(self, value_F: torch.Tensor) -> torch.Tensor:
        """In units of the mean over the learned features; as it is where that is 0."""
        mean = (value_F * self.learned_F).sum() / self.learned_F.sum().clamp_min(1)
        return value_F / mean if mean > 0 else value_F

    def prior(self) -> torch.Tensor:
        """θ_F = 1 − σ(c_F): the keep probability that a feature of this complexity has before any data."""
        return torch.sigmoid(-self.complexity_F)

    def penalty_weights(self) -> torch.Tensor:
        """α (log(1 − θ_F) − log θ_F) = α c_F, zero for essential features."""
        return self.alpha * self.complexity_F * self.learned_F

    def regularizer(self) -> torch.Tensor:
        """α Σ c_j δ_j over the learned gates."""
        return (self.penalty_weights() * self.probabilities()).sum()

    def details(self) -> dict[str, torch.Tensor]:
        return {"complexity": self.complexity_F}
