"""What a gate is: a module between the concatenated input and the backbone whose scores rank the features.

Shapes: B rows, C = Σ dims columns, F gates: one a feature, or with `granularity: dim` one a column, so that F is C.
"""

from __future__ import annotations

import abc
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.models.batch import Batch

# Beyond σ(±8) a gate is 0 or 1 for every purpose; holding its logit there keeps it able to come back.
SATURATION = 8.0


@dataclass(frozen=True)
class GateContext:
    """What a gate may know of the rows beside x: those that depend on the row or on a feature's value need it."""

    batch: Batch


class Gate(nn.Module, abc.ABC):
    """A gate over `layout`.

    In training a gate observes its input through `baseline`, whose means stand for closed features in evaluation,
    in the curve and in pruning.

    Attributes:
        units: what gates stand on, in the order of the F: the layout's features, or each of their dims.

    Raises:
        ValueError: `essential` names a feature that the layout doesn't have.
    """

    learned_F: torch.Tensor
    unit_C: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
        granularity: Literal["field", "dim"] = "field",
    ) -> None:
        super().__init__()
        unknown = sorted(set(essential) - set(layout.names))
        if unknown:
            raise ValueError(f"essential: {unknown[0]!r} is not a feature of the layout; name one of its features")
        self.layout = layout
        self.baseline = Baseline(layout) if baseline is None else baseline
        self.units = layout.by_dim() if granularity == "dim" else layout
        learned = torch.tensor([name not in set(essential) for name in layout.names])
        if granularity == "dim":
            learned = learned.repeat_interleave(torch.tensor(layout.dims))
        self.register_buffer("learned_F", learned, persistent=False)
        unit_C = torch.arange(len(self.units)).repeat_interleave(torch.tensor(self.units.dims))
        self.register_buffer("unit_C", unit_C, persistent=False)

    @property
    def share_of_feature(self) -> float:
        """What a gate costs of what one on a feature does: all gates together cost the same when open, whether they
        stand on features or on dims, and a dim costs the same wherever it stands."""
        return len(self.layout) / len(self.units)

    def by_feature(self, value_F: torch.Tensor, reduce: Literal["amax", "mean"]) -> torch.Tensor:
        """One number a feature of the layout: its own, or that of its dims' numbers together."""
        if self.units is self.layout:
            return value_F
        found = value_F.new_zeros(len(self.layout))
        return found.scatter_reduce(0, self.baseline.feature_C, value_F, reduce, include_self=False)

    def feature_scores(self) -> torch.Tensor:
        """A score for each feature of the layout, detached. Of several dims it is the best one's: a feature goes when
        its last dim goes."""
        return self.by_feature(self.scores(), "amax")

    def require_width(self, x_BC: torch.Tensor) -> None:
        """Raises ValueError where x is not as wide as the layout."""
        if x_BC.shape[1] != self.layout.total:
            raise ValueError(f"x has {x_BC.shape[1]} columns and the layout {self.layout.total}; build one for this x")

    def expect(self, rows: int) -> None:
        """Told before training how many rows the gate learns on, over all workers."""

    @abc.abstractmethod
    def forward(self, x_BC: torch.Tensor, context: GateContext | None = None, *, frozen: bool = False) -> torch.Tensor:
        """The gated input, of x's shape. With `frozen`, no gradient reaches the gate: the weights' pass of bilevel."""

    @abc.abstractmethod
    def forward_held_out(self, x_BC: torch.Tensor, context: GateContext | None = None) -> torch.Tensor:
        """The gated input on held-out rows, where bilevel learns the gate: running statistics are left alone."""

    @abc.abstractmethod
    def scores(self) -> torch.Tensor:
        """F scores of the units, detached: higher is more needed."""

    def regularizer(self) -> torch.Tensor:
        """What the gate adds to the task loss: a scalar."""
        return torch.zeros((), device=self.learned_F.device)

    def learned_parameters(self) -> list[nn.Parameter]:
        """What the gate learns, of the gate's own optimizer."""
        return [parameter for name, parameter in self.named_parameters() if not name.startswith("baseline.")]

    def synced_tensors(self) -> list[torch.Tensor]:
        """Running statistics to be averaged over the ranks after each update, so that replicas agree."""
        return [self.baseline.mean_C]

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        """After an update of the gate: projection, annealing, a controller. `step` of `total` after the warm-up; 0
        before its end."""

    def details(self) -> dict[str, torch.Tensor]:
        """F numbers by the name of what they are: shown, never required."""
        return {}
