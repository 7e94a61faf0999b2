"""Backward elimination on a trained model: features go one after another, each time the one that is missed least.

What a feature costs is counted given those that are left, so that of two copies one goes for nothing, and then the
other is dear.

Shapes: N rows, C columns of the field's features, c of them one feature's, T labels.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.selectors.gates.ranking import Elimination
from trainers.selectors.sensitivity.trained import ROWS_TOGETHER, EmbeddedRows, TrainedModel

# Validation rows that costs are counted on: at most so many, and no more than fit into so many bytes.
ROWS = 20_000
BYTES = 2**28
# Beyond so many columns a matrix of all by all is too large: a feature's mean alone stands for it.
MOST_COLUMNS = 4096
# Least weight of the ridge, in variances of a standardized column.
RIDGE = 1e-2


def eliminate(model: TrainedModel, field: Sequence[str], essential: Collection[str] = ()) -> Elimination:
    """Order the features of `field`, as if all others stood at their means. Collective: every rank gets the same.

    Costs only rise as other features go, or nearly so: the cheapest is counted anew until it stays the cheapest
    (lazy greedy), which takes about two passes a feature.
    """
    rows = model.embed(min(ROWS, max(1, BYTES // (4 * model.layout.total))))
    found = None
    if model.ranks.is_leader:
        kept = [name for name in model.layout.names if name in set(field)]
        backbone = model.model.backbone.pruned(kept, model.model.inputs.baseline.mean_C)
        own = EmbeddedRows(rows.x_NC[:, model.layout.columns(kept)], rows.label_NT, rows.weight_N)
        found = _order(_Field(model.layout.keep(kept), backbone.eval(), own), set(essential) & set(kept))
    answer: Elimination = model.ranks.broadcast(found)
    return answer


def _order(field: _Field, essential: set[str]) -> Elimination:
    names = field.layout.names
    base = field.logloss()
    waiting = [(field.cost(name) - base, 0, name) for name in names if name not in essential]
    heapq.heapify(waiting)
    gone: list[str] = []
    costs = {}
    while waiting:
        cost, counted, name = heapq.heappop(waiting)
        if counted < len(gone):
            heapq.heappush(waiting, (field.cost(name) - base, len(gone), name))
            continue
        field.drop(name)
        gone.append(name)
        costs[name], base = cost, base + cost
    first = [name for name in names if name in essential]
    return Elimination(names=(*first, *reversed(gone)), costs=costs, passes=field.passes, rows=len(field.rows))


class _Field:
    """Rows of the features in the field, and what stands for those that went.

    Two replacements are tried: a feature's mean, and its ridge regression on the columns that are left; the cheaper one
    counts. Columns are standardized for it: with Σ their covariance and P = (Σ + ρI)⁻¹ over the columns left, the
    regression of a feature's columns i on the rest r is −P_ii⁻¹ P_ir, and P over the rest is P_rr − P_ri P_ii⁻¹ P_ir.

    `effect_CC` says how the input moves with a column that is left: as itself, and through what it stands for.
    """

    def __init__(self, layout: FeatureLayout, backbone: nn.Module, rows: EmbeddedRows) -> None:
        self.layout, self.backbone, self.rows, self.passes = layout, backbone, rows, 0
        self.x_NC = rows.x_NC.clone()
        mean_C, deviation_C = rows.x_NC.mean(0), rows.x_NC.std(0, correction=0)
        # A column of one value has nothing to say of others, nor they of it.
        self.z_NC = (rows.x_NC - mean_C) / torch.where(deviation_C > 0, deviation_C, 1.0)
        self.effect_CC = torch.diag(deviation_C)
        self.precision_CC = None if layout.total > MOST_COLUMNS else _precision(self.z_NC)

    def cost(self, name: str) -> float:
        """The logloss without the feature."""
        return min(self.logloss(x_NC) for x_NC, _ in self._without(name))

    @torch.no_grad()
    def drop(self, name: str) -> None:
        """Let the cheaper replacement take the feature's place for good."""
        own = self.layout.slice(name)
        self.x_NC, through_cC = min(self._without(name), key=lambda found: self.logloss(found[0]))
        self.effect_CC += through_cC.T @ self.effect_CC[own]
        self.effect_CC[own] = 0.0
        if self.precision_CC is not None:
            row_cC = self.precision_CC[own].clone()
            self.precision_CC -= row_cC.T @ torch.linalg.solve(row_cC[:, own], row_cC)
            self.precision_CC[own] = 0.0
            self.precision_CC[:, own] = 0.0

    @torch.no_grad()
    def _without(self, name: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The input for each replacement, and the replacement's coefficients on the columns that are left."""
        own = self.layout.slice(name)
        nothing_cC = torch.zeros_like(self.effect_CC[own])
        yield self.x_NC - self.z_NC[:, own] @ self.effect_CC[own], nothing_cC
        if self.precision_CC is None:
            return
        row_cC = self.precision_CC[own]
        through_cC = -torch.linalg.solve(row_cC[:, own], row_cC)
        through_cC[:, own] = 0.0
        through_cC = through_cC.to(self.z_NC.dtype)
        moved_Nc = self.z_NC @ through_cC.T - self.z_NC[:, own]
        yield self.x_NC + moved_Nc @ self.effect_CC[own], through_cC

    @torch.no_grad()
    def logloss(self, x_NC: torch.Tensor | None = None) -> float:
        """Weighted logloss in nats, averaged over the labels."""
        self.passes += 1
        parts = [self.backbone(part).cpu() for part in (self.x_NC if x_NC is None else x_NC).split(ROWS_TOGETHER)]
        loss_NT = nn.functional.binary_cross_entropy_with_logits(
            torch.cat(parts).double(), self.rows.label_NT.double(), reduction="none"
        )
        weight_N = self.rows.weight_N.double()
        return float(weight_N @ loss_NT.mean(1) / weight_N.sum())


def _precision(z_NC: torch.Tensor) -> torch.Tensor:
    """(Σ + ρI)⁻¹ in float64; ρ is C/N at least, which is how far a covariance of N rows may be off."""
    rows, width = z_NC.shape
    covariance_CC = (z_NC.double().T @ z_NC.double()) / rows
    ridge_CC = torch.eye(width, dtype=torch.float64, device=z_NC.device) * max(RIDGE, width / rows)
    precision_CC: torch.Tensor = torch.linalg.inv(covariance_CC + ridge_CC)
    return precision_CC
