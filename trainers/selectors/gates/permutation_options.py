"""Options that the gates of LeAP and its base version share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainers.config import Share
from trainers.selectors.base import GateSpec

# Keys of version 0.1, and what they are called since.
OLD = {
    "stand_in": "selector.stand_in is called selector.replacement",
    "penalty": "selector.penalty is called selector.name: leap is adaptive, and leap_base is uniform",
}


class PermutationGateSpec(GateSpec):
    """A gate that mixes a feature with a permuted copy of itself. `target_dims` steers `alpha` where it is given."""

    probability_like: ClassVar[bool] = True
    gates_dims: ClassVar[bool] = True
    old_penalty: ClassVar[Literal["adaptive", "uniform"]]
    # What `variant: paper` stands for; an option that is given beside it wins.
    paper: ClassVar[dict[str, Any]] = {"replacement": "permuted", "ramp": 0.0, "order": "score"}

    variant: Literal["winnow", "paper"] = Field(
        default="winnow",
        description="defaults of the other options. winnow: those below; paper: LeAP as published, with `replacement: "
        "permuted`, `ramp: 0` and `order: score`, and of leap `divergence: raw` and `clip: [1e-6, 1e6]`, so that every "
        "divergence counts. Options given beside it win",
    )
    alpha: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="weight of the penalty; 3e-4 unless given, and of normalized divergences 4e-4",
    )
    target_dims: Share | None = Field(default=None, description="share of dims to keep, which α is steered to")
    temperature: Annotated[float, Field(gt=0.0)] = Field(default=0.2, description="τ of the gates, g = σ(θ/τ)")
    initial_gate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    replacement: Literal["blended", "permuted"] = Field(
        default="blended",
        description="for a closing feature where bilevel learns gates: blended goes from a permuted value to the "
        "running mean as the gate closes; permuted is the paper's",
    )
    # Where only these are given, trainers/spec/renamed.py reads them.
    stand_in: Literal["blended", "permuted"] | None = Field(
        default=None, description=OLD["stand_in"], json_schema_extra={"deprecated": True}
    )
    penalty: Literal["adaptive", "uniform"] | None = Field(
        default=None, description=OLD["penalty"], json_schema_extra={"deprecated": True}
    )

    @model_validator(mode="before")
    @classmethod
    def _take_variant(cls, raw: Any) -> Any:
        return {**cls.paper, **raw} if isinstance(raw, dict) and raw.get("variant") == "paper" else raw

    @model_validator(mode="before")
    @classmethod
    def _steer_from_the_start(cls, raw: Any) -> Any:
        """A penalty that is steered rises by itself."""
        steered = isinstance(raw, dict) and raw.get("target_dims") is not None
        return {"ramp": 0.0, **raw} if steered else raw

    @property
    def weight(self) -> float:
        """α, or its default."""
        return self.alpha or 3e-4

    def unlike_variant(self) -> dict[str, tuple[Any, Any]]:
        """Options that were given another value than `variant: paper` has: by name, that value and the variant's."""
        if self.variant != "paper":
            return {}
        found = {name: (getattr(self, name), value) for name, value in self.paper.items()}
        return {name: (given, value) for name, (given, value) in found.items() if given != value}

    @model_validator(mode="after")
    def _fill_in_old_keys(self) -> Self:
        object.__setattr__(self, "stand_in", self.replacement)
        object.__setattr__(self, "penalty", self.old_penalty)
        return self
