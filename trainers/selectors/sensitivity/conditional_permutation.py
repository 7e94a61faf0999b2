"""Conditional permutation importance (Strobl et al. 2008): permuting among rows that agree in correlated features.

Shapes: N measured rows, M of them that correlations are taken of, F features, C = Σ dims columns, d of one feature.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.selectors.base import MeasuredRows, Ranking, SensitivitySpec
from trainers.selectors.sensitivity.permutation import permuted_rises

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from sharding.layout import FeatureLayout
    from trainers.selectors.sensitivity.trained import EmbeddedRows, TrainedModel

# Rows that correlations are taken of: the first of those measured, which are spread over the files.
CORRELATED_ROWS = 8192


class ConditionalPermutationSpec(SensitivitySpec):
    """Score of a feature: the rise of validation logloss, in nats, when it is permuted among rows that are alike in the
    features it is most correlated with: what it says beyond them.

    The paper's correlation is of numbers. Here it is the root of the RV coefficient (Escoufier 1973), which compares
    features of any dims and is |r| of two numbers. Rows are alike that have the same quantile of the other feature's
    first principal component.
    """

    name: Literal["conditional_permutation"]
    conditions: Annotated[int, Field(ge=1, le=3)] = Field(
        default=1, description="correlated features that rows have to agree in"
    )
    correlation: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.2, description="from which on a feature is a condition; without one, a feature is permuted freely"
    )
    strata: Annotated[int, Field(ge=2)] = Field(default=10, description="quantiles of each condition")
    repeats: Annotated[int, Field(ge=1)] = Field(default=3, description="permutations of a feature, averaged")
    rows: MeasuredRows = 65_536

    def rank(self, model: TrainedModel) -> Ranking:
        """The details: `deviation` over the repeats, and `correlation` with the first condition, 0 without one. Strata
        are cells of a grid of all conditions."""
        import numpy as np

        rows, names = model.embed(self.rows), model.layout.names
        base = model.logloss(rows)

        def measured(name: str) -> tuple[float, list[float]]:
            correlation_F = correlations(model.layout, rows, name)
            nearest = np.argsort(-correlation_F, kind="stable")[: self.conditions]
            conditions = [names[other] for other in nearest if correlation_F[other] >= self.correlation]
            stratum_N = strata_of(model.layout, rows, conditions, self.strata)
            permute = partial(permuted_within, stratum_N)
            rises = permuted_rises(model, rows, base, name, self.repeats, permute)
            return (float(correlation_F[nearest[0]]) if conditions else 0.0), rises

        found = model.spread(names, measured)
        return Ranking.by_score(
            {name: float(np.mean(rises)) for name, (_, rises) in found.items()},
            details={
                "deviation": {name: float(np.std(rises)) for name, (_, rises) in found.items()},
                "correlation": {name: correlation for name, (correlation, _) in found.items()},
            },
            diagnostics={
                "logloss": base,
                "rows": float(len(rows)),
                "passes": float(1 + self.repeats * len(names)),
            },
        )


def correlations(layout: FeatureLayout, rows: EmbeddedRows, name: str) -> NDArray[np.float64]:
    """Root of the RV coefficient of a feature with every other one, 0 with itself: (F), in [0, 1].

    RV(X, Y) = ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖) of centered columns: r² where both are one column.
    """
    import torch

    x_MC = rows.x_NC[:CORRELATED_ROWS]
    x_MC = x_MC - x_MC.mean(0)
    own = layout.slice(name)
    cross_C = (x_MC[:, own].T @ x_MC).double().square().sum(0)
    cross_F = torch.stack([cross_C[begin:end].sum() for begin, end in layout.offsets])
    norms = [(x_MC[:, begin:end].T @ x_MC[:, begin:end]).double().norm() for begin, end in layout.offsets]
    norm_F = torch.stack(norms)
    place = layout.names.index(name)
    scale_F = norm_F * norm_F[place]
    rv_F = torch.where(scale_F > 0, cross_F / scale_F.clamp(min=torch.finfo(torch.float64).tiny), 0)
    rv_F[place] = 0
    found: NDArray[np.float64] = rv_F.clamp(0, 1).sqrt().cpu().numpy()
    return found


def strata_of(layout: FeatureLayout, rows: EmbeddedRows, conditions: list[str], strata: int) -> NDArray[np.int64]:
    """A number for each row (N): rows with the same number have the same quantiles of all conditions."""
    import numpy as np

    stratum_N = np.zeros(len(rows), np.int64)
    for name in conditions:
        value_N = _first_component(rows.x_NC[:, layout.slice(name)])
        inner = np.quantile(value_N, np.linspace(0, 1, strata + 1)[1:-1], method="lower")
        stratum_N = stratum_N * strata + np.searchsorted(np.unique(inner), value_N, side="left")
    return stratum_N


def permuted_within(stratum_N: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """A random order of the rows that takes each row's value from its own stratum: (N)."""
    import numpy as np

    order_N = np.empty(len(stratum_N), np.int64)
    order_N[np.argsort(stratum_N, kind="stable")] = np.lexsort((random.random(len(stratum_N)), stratum_N))
    return order_N


def _first_component(x_Nd: torch.Tensor) -> NDArray[np.float64]:
    """Rows along the direction in which they vary most: (N)."""
    import torch

    centered_Nd = x_Nd.double() - x_Nd.double().mean(0)
    _, vectors_dd = torch.linalg.eigh(centered_Nd.T @ centered_Nd)
    component: NDArray[np.float64] = (centered_Nd @ vectors_dd[:, -1]).cpu().numpy()
    return component
