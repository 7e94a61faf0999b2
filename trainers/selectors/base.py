"""What a selector is: it ranks features, best first. Deciding what to keep is the rule's part. Imports no torch.

Four families, told apart by what they read:

- gate: learned inside the training graph, beside the model's weights.
- sensitivity: measured on a trained model.
- tabular: read off a sample of the rows alone.
- consensus: the rankings of several others.

Shapes: F features.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from trainers.config import Config

if TYPE_CHECKING:
    import torch

    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.base import Gate
    from trainers.selectors.sensitivity.trained import TrainedModel
    from trainers.selectors.tabular.sample import Sample
    from trainers.spec.features import FeatureSpec

    # Of a layout, the input x_BC and the task's loss of a batch, in whose graph x_BC is.
    TrainingTerm = Callable[[FeatureLayout, torch.Tensor, torch.Tensor], torch.Tensor]

Family = Literal["gate", "sensitivity", "tabular", "consensus"]
MeasuredRows = Annotated[
    int,
    Field(ge=2, description="validation rows measured at most, drawn by the seed; every rank holds them embedded"),
]


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """A cross of two features or more that a model found important; higher is more."""

    features: tuple[str, ...]
    importance: float


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What a selector found.

    Args:
        names: every feature, best first. The order is the selector's own: no rule derives another from the scores.
        scores: by name; higher is more needed.
        probability_like: whether scores lie in [0, 1], so that a threshold means the same on every data set.
        details: by name of a detail and of a feature, such as LeAP's divergence: shown, never required. A detail may
            be known of some features alone.
        diagnostics: of the selection as a whole, such as passes over the data.
        interactions: crosses of features, best first.

    Raises:
        ValueError: names and scores don't agree, a detail is of a feature that isn't ranked, or a score or a detail
            is not a finite number.
    """

    names: tuple[str, ...]
    scores: Mapping[str, float]
    probability_like: bool
    details: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    diagnostics: Mapping[str, float | bool | str] = field(default_factory=dict)
    interactions: tuple[Interaction, ...] = ()

    def __post_init__(self) -> None:
        names = set(self.names)
        if self.scores.keys() != names:
            raise ValueError(
                f"scores: has {len(self.scores)} features and the ranking {len(self.names)}; give each one"
            )
        for what, values in {"scores": self.scores, **self.details}.items():
            if not values.keys() <= names:
                raise ValueError(f"{what}: {min(values.keys() - names)!r} isn't ranked; give features of the ranking")
            infinite = [name for name, value in values.items() if not -float("inf") < value < float("inf")]
            if infinite:
                raise ValueError(f"{what}: {infinite[0]!r} has {values[infinite[0]]}; give a finite number")
        if len(names) != len(self.names):
            raise ValueError("names: a feature is ranked twice")

    @classmethod
    def by_score(
        cls,
        scores: Mapping[str, float],
        *,
        probability_like: bool = False,
        details: Mapping[str, Mapping[str, float]] | None = None,
        diagnostics: Mapping[str, float | bool | str] | None = None,
    ) -> Ranking:
        """Best score first; features of one score keep the order they are given in."""
        return cls(
            names=tuple(sorted(scores, key=lambda name: -scores[name])),
            scores=dict(scores),
            probability_like=probability_like,
            details=details or {},
            diagnostics=diagnostics or {},
        )


class SelectorSpec(Config, abc.ABC):
    """Options of one selector. A concrete subclass has `name`, a literal with the name that specs call it by."""

    family: ClassVar[Family]
    # Whether scores lie in [0, 1], so that a threshold means the same on every data set.
    probability_like: ClassVar[bool] = False
    name: str

    @property
    def members(self) -> tuple[SelectorSpec, ...]:
        """The selectors that rank: itself, unless it is made of others."""
        return (self,)


class GateSpec(SelectorSpec):
    """Options that every gate has."""

    family: ClassVar[Family] = "gate"
    # Whether a penalty closes the gates; `ramp` is its.
    penalized: ClassVar[bool] = True
    # Whether a gate may stand on a dim.
    gates_dims: ClassVar[bool] = False

    update: Literal["bilevel", "joint", "progressive"] = Field(
        default="bilevel",
        description="what a gate learns on. bilevel: held-out rows; joint: the weights' own rows, sound while rows are "
        "new to the model; progressive: joint over one pass of a stream",
    )
    learning_rate: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="of the gates, by Adam; 0.01 unless given, and up to 0.1 where a search has few steps to penalize "
        "them in",
    )
    warmup: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.3,
        description="share of the search before gates are penalized: an interaction is worth nothing until the "
        "weights know it",
    )
    ramp: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.8,
        description="share of the penalized steps over which the penalty rises from nothing to its weight: features "
        "close in the order of their worth, and the model learns to do without each",
    )
    order: Literal["elimination", "score"] = Field(
        default="elimination",
        description="of the features whose gates end open, and with elimination of closed ones that are missed. "
        "elimination: each time the one that held-out rows miss least goes, given those that are left; score: by the "
        "gate (LeAP §3.4), which says little once many are near 1",
    )
    granularity: Literal["field", "dim"] = Field(
        default="field",
        description="what a gate stands on. field: a feature, all of its dims; dim: each dim of a feature, so that "
        "some dims of a vector or of an embedding go, and its table becomes narrower. Rules then count dims",
    )

    @model_validator(mode="after")
    def _has_gates_of_dims(self) -> Self:
        if self.granularity == "dim" and not self.gates_dims:
            raise ValueError(
                f"`granularity` is dim, and gates of {self.name} stand on whole features; leave it out, or choose "
                f"another selector: {', '.join(_with_gates_of_dims())}"
            )
        return self

    @abc.abstractmethod
    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> Gate:
        """The gate over `layout`. `baseline` has what stands for a closed feature; gates of `essential` stay open."""

    def build_for(
        self,
        features: Sequence[FeatureSpec],
        layout: FeatureLayout,
        baseline: Baseline,
        essential: Collection[str],
    ) -> Gate:
        """The gate of a spec's features, in the layout's order. A gate that needs more of them than their dims, such
        as costs or tables, overrides this."""
        return self.build(layout, baseline, essential)


def _with_gates_of_dims() -> list[str]:
    """Names of the selectors whose gates may stand on dims, of those that are imported."""
    waiting, found = GateSpec.__subclasses__(), set[str]()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.gates_dims and not inspect.isabstract(kind):
            found |= set(get_args(kind.model_fields["name"].annotation))
    return sorted(found)


class SensitivitySpec(SelectorSpec):
    """Options of a selector that measures a trained model."""

    family: ClassVar[Family] = "sensitivity"

    def training_term(self) -> TrainingTerm | None:
        """What the selector adds to the task's loss while its model is trained; None: nothing.

        A model that was trained with a term is not the guard's full model: that one is trained without it.
        """
        return None

    @abc.abstractmethod
    def rank(self, model: TrainedModel) -> Ranking:
        """Collective: every rank calls it, and all get the same ranking, whatever their number."""


class TabularSpec(SelectorSpec):
    """Options of a selector that reads rows alone."""

    family: ClassVar[Family] = "tabular"

    sample_rows: Annotated[int, Field(ge=2)] = Field(
        default=100_000, description="training rows read, spread over the files by the seed of training"
    )

    @abc.abstractmethod
    def rank(self, sample: Sample) -> Ranking:
        """On one rank; the others get its ranking."""
