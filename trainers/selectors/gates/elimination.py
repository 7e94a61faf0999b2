"""Backward elimination on a trained model: features go one after another, each time the one that is missed least.

What a feature costs is counted given those that are left, so that of two copies one goes for nothing, and then the
other is dear. A cost within its standard error says nothing (the one-standard-error rule, Breiman et al. 1984): such
features go first, in the order of their gates, and many together where they aren't missed together.

A model that knows its training rows by heart is too sure of itself on others: any feature that goes would cost by that
alone. Its logits are calibrated with the whole field (Guo et al. 2017), before anything goes.

Shapes: N rows, C columns of the field's features, c of them those of the features that go, T labels.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.selectors.base import Ranking
from trainers.selectors.gates.calibration import calibrate
from trainers.selectors.gates.ranking import OPEN, Cost, Elimination, weakest_first
from trainers.selectors.sensitivity.trained import ROWS_TOGETHER, EmbeddedRows, TrainedModel

# Validation rows that costs are counted on: at most so many, and no more than fit into so many bytes.
ROWS = 20_000
BYTES = 2**28
# Beyond so many columns a matrix of all by all is too large: a feature's mean alone stands for it.
MOST_COLUMNS = 4096
# Least weight of the ridge, in variances of a standardized column.
RIDGE = 1e-2


def eliminate(
    model: TrainedModel, ranking: Ranking, essential: Collection[str] = (), units: FeatureLayout | None = None
) -> Elimination:
    """Order the features whose gates are open, and those whose gates are closed though they are missed.

    All other features stand at their means. A gate may close on what another feature says too, whose gate then closes
    as well. Collective: every rank gets the same.

    Args:
        model: the trained one.
        ranking: by the gates.
        essential: names that stay.
        units: what gates stand on: the model's features unless given, or their dims.
    """
    rows = model.embed(min(ROWS, max(1, BYTES // (4 * model.layout.total))))
    found = None
    if model.ranks.is_leader:
        weakest = [name for name in weakest_first(ranking) if name not in set(essential)]
        # One feature stays, whatever the gates say.
        closed = [name for name in weakest if ranking.scores[name] < OPEN and name != ranking.names[0]]
        every = _Field(model.model.backbone.eval(), rows, model.model.inputs.baseline.mean_C, units, regress=False)
        gone, _ = _screen(every, closed, together=len(closed))
        field = every.only([name for name in every.layout.names if name not in gone])
        found = _order(field, [name for name in weakest if name not in gone], every.passes)
    answer: Elimination = model.ranks.broadcast(found)
    return answer


def _order(field: _Field, weakest: Sequence[str], passes: int = 0) -> Elimination:
    """The field's features, best first: those that aren't among `weakest`, and the others as they are missed.

    Costs only rise as other features go, or nearly so: the cheapest is counted anew until it stays the cheapest
    (lazy greedy), which takes about two passes a feature.
    """
    costs, missed = _screen(field, weakest)
    gone = list(costs)
    waiting = [(cost, name) for name, cost in missed.items()]
    heapq.heapify(waiting)
    while waiting:
        _, name = heapq.heappop(waiting)
        absence = field.absence([name])
        if waiting and absence.cost.rise > waiting[0][0].rise:
            heapq.heappush(waiting, (absence.cost, name))
            continue
        field.take(absence)
        gone.append(name)
        costs[name] = absence.cost
    first = [name for name in field.layout.names if name not in set(weakest)]
    return Elimination(
        names=(*first, *reversed(gone)),
        costs=costs,
        passes=passes + field.passes,
        rows=len(field.rows),
    )


def _screen(field: _Field, weakest: Sequence[str], together: int = 1) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """Let features go whose cost is within its standard error, weakest first.

    Tried are as many at once as went at once before, and twice as many after each success: where they are missed,
    half as many.

    Returns:
        The features that went, in that order, with their share of what they cost together; and those that stay.
    """
    waiting = list(weakest)
    gone: dict[str, Cost] = {}
    missed: dict[str, Cost] = {}
    while waiting:
        names = waiting[:together]
        absence = field.absence(names)
        rise, error = absence.cost
        if rise <= error:
            field.take(absence)
            gone |= dict.fromkeys(names, Cost(rise / len(names), error / len(names)))
        elif len(names) > 1:
            together = len(names) // 2
            continue
        else:
            missed[names[0]] = absence.cost
        waiting = waiting[together:]
        together *= 2
    return gone, missed


@dataclass(frozen=True, kw_only=True)
class _Absence:
    """The field without the features of some columns.

    `through_cC` has the regression's coefficients; None where means stand for the features.
    """

    columns: list[int]
    x_NC: torch.Tensor
    loss_N: torch.Tensor
    cost: Cost
    through_cC: torch.Tensor | None


class _Field:
    """Rows of the features in the field, and what stands for those that went.

    Two replacements are tried: features' means, and their ridge regression on the columns that are left; the cheaper
    one counts. Columns are standardized for it: with Σ their covariance and P = (Σ + ρI)⁻¹ over the columns left, the
    regression of some columns i on the rest r is −P_ii⁻¹ P_ir, and P over the rest is P_rr − P_ri P_ii⁻¹ P_ir.

    `effect_CC` says how the input moves with a column that is left: as itself, and through what it stands for.
    `slope_T` and `intercept_T` calibrate the logits.
    """

    def __init__(
        self,
        backbone: Backbone,
        rows: EmbeddedRows,
        mean_C: torch.Tensor,
        units: FeatureLayout | None = None,
        *,
        regress: bool = True,
    ) -> None:
        """`mean_C` is that of training: one extreme row among the few that are measured would move their own. `units`
        are what goes one after another: the backbone's features unless given."""
        self.layout, self.backbone, self.rows, self.mean_C = units or backbone.layout, backbone, rows, mean_C
        self.weight_N, self.passes = rows.weight_N.double() / rows.weight_N.double().sum(), 0
        self.x_NC = rows.x_NC.clone()
        self.regresses = regress and self.layout.total <= MOST_COLUMNS
        if self.regresses:
            centered_NC = rows.x_NC - mean_C
            deviation_C = torch.linalg.vector_norm(centered_NC, dim=0) / len(rows) ** 0.5
            # A column of one value has nothing to say of others, nor they of it.
            self.z_NC = centered_NC / torch.where(deviation_C > 0, deviation_C, 1.0)
            self.effect_CC, self.precision_CC = torch.diag(deviation_C), _precision(self.z_NC)
        logit_NT = self._logits(self.x_NC)
        label_NT, weight_N = rows.label_NT.double().numpy(), self.weight_N.numpy()
        found = [calibrate(*columns, weight_N) for columns in zip(logit_NT.numpy().T, label_NT.T, strict=True)]
        self.slope_T, self.intercept_T = torch.tensor(found, dtype=torch.float64).T
        self.loss_N = self._losses(logit_NT)

    def only(self, names: Collection[str]) -> _Field:
        """The field of fewer features: all others stand at their means for good, and cost nothing any more."""
        columns = self.layout.columns(names)
        rows = EmbeddedRows(self.rows.x_NC[:, columns], self.rows.label_NT, self.rows.weight_N)
        features, kept_dims = self.backbone.layout.of_columns(columns)
        small = self.backbone.pruned(features, self.mean_C, kept_dims)
        return _Field(small.eval(), rows, self.mean_C[columns], self.layout.keep(names))

    @torch.no_grad()
    def absence(self, names: Collection[str]) -> _Absence:
        """The field without these features, by the cheaper replacement."""
        columns = self.layout.columns(names)
        ways = [self._measure(columns, *way) for way in self._replacements(columns)]
        return min(ways, key=lambda absence: absence.cost.rise)

    @torch.no_grad()
    def take(self, absence: _Absence) -> None:
        """Let the features go for good."""
        own = absence.columns
        self.x_NC, self.loss_N = absence.x_NC, absence.loss_N
        if not self.regresses:
            return
        if absence.through_cC is not None:
            self.effect_CC += absence.through_cC.T @ self.effect_CC[own]
        self.effect_CC[own] = 0.0
        row_cC = self.precision_CC[own]
        self.precision_CC -= row_cC.T @ torch.linalg.solve(row_cC[:, own], row_cC)
        self.precision_CC[own] = 0.0
        self.precision_CC[:, own] = 0.0

    def _replacements(self, own: list[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """The input for each replacement, and the replacement's coefficients on the columns that are left."""
        if not self.regresses:
            x_NC = self.x_NC.clone()
            x_NC[:, own] = self.mean_C[own]
            yield x_NC, None
            return
        yield self.x_NC - self.z_NC[:, own] @ self.effect_CC[own], None
        row_cC = self.precision_CC[own]
        through_cC = -torch.linalg.solve(row_cC[:, own], row_cC)
        through_cC[:, own] = 0.0
        through_cC = through_cC.to(self.z_NC.dtype)
        moved_Nc = self.z_NC @ through_cC.T - self.z_NC[:, own]
        yield self.x_NC + moved_Nc @ self.effect_CC[own], through_cC

    def _measure(self, own: list[int], x_NC: torch.Tensor, through_cC: torch.Tensor | None) -> _Absence:
        loss_N = self._losses(self._logits(x_NC))
        rise_N = loss_N - self.loss_N
        rise = self.weight_N @ rise_N
        error = torch.linalg.vector_norm(self.weight_N * (rise_N - rise))
        cost = Cost(float(rise), float(error))
        return _Absence(columns=own, x_NC=x_NC, loss_N=loss_N, cost=cost, through_cC=through_cC)

    def _losses(self, logit_NT: torch.Tensor) -> torch.Tensor:
        return self.rows.losses([logit_NT * self.slope_T + self.intercept_T])

    @torch.no_grad()
    def _logits(self, x_NC: torch.Tensor) -> torch.Tensor:
        """As the backbone has them: float64, on the CPU."""
        self.passes += 1
        return torch.cat([self.backbone(part).cpu() for part in x_NC.split(ROWS_TOGETHER)]).double()


def _precision(z_NC: torch.Tensor) -> torch.Tensor:
    """(Σ + ρI)⁻¹ in float64; ρ is C/N at least, which is how far a covariance of N rows may be off."""
    rows, width = z_NC.shape
    covariance_CC = (z_NC.double().T @ z_NC.double()) / rows
    ridge_CC = torch.eye(width, dtype=torch.float64, device=z_NC.device) * max(RIDGE, width / rows)
    precision_CC: torch.Tensor = torch.linalg.inv(covariance_CC + ridge_CC)
    return precision_CC
