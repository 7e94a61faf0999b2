"""Options of the gates that mask a feature with what stands for a closed one. Imports no torch.

`like` gives a field of every gate a paper's own default.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trainers.selectors.base import GateSpec

Update = Literal["bilevel", "joint", "progressive"]
Warmup = Annotated[float, Field(ge=0.0, lt=1.0)]
Ramp = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
InnerShare = Annotated[float, Field(gt=0.0, lt=1.0)]


def like(name: str, default: Any, description: str | None = None) -> Any:
    """The field `name` of every gate, with a default of its own, and a description where it means something else."""
    return Field(default=default, description=description or GateSpec.model_fields[name].description)


class MaskGateSpec(GateSpec):
    """A gate that multiplies features, as the papers have it. Features are ordered by their scores."""

    order: Literal["elimination", "score"] = like("order", "score")
    replacement: Literal["mean", "zero"] = Field(
        default="mean",
        description="for a closed feature while gates are learned. mean: its running mean, which pruning puts in its "
        "place too; zero: as published",
    )


class PenalizedMaskSpec(MaskGateSpec):
    """A gate that is closed by a penalty."""

    alpha: Positive = Field(default=3e-4, description="weight of the penalty: what one open feature costs, in nats")


class PenalizedConcreteSpec(PenalizedMaskSpec):
    """Keep probabilities, learned through their concrete relaxation and closed by a penalty."""

    probability_like: ClassVar[bool] = True
    gates_dims: ClassVar[bool] = True

    ramp: Ramp = like("ramp", 0.0)
    temperature: Positive = Field(default=0.1, description="t of the concrete relaxation")
    initial_gate: InnerShare = Field(default=0.5, description="probability of keep at first")
