"""Options that the gates of LeAP and its base version share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainers.selectors.base import GateSpec
from trainers.spec.base import Share


class PermutationGateSpec(GateSpec):
    """A gate that mixes a feature with a permuted copy of itself. `target_dims` steers `alpha` where it is given."""

    probability_like: ClassVar[bool] = True

    alpha: Annotated[float, Field(gt=0.0)] = Field(default=3e-4, description="weight of the penalty")
    target_dims: Share | None = Field(default=None, description="share of dims to keep, which α is steered to")
    temperature: Annotated[float, Field(gt=0.0)] = Field(default=0.2, description="τ of the gates, g = σ(θ/τ)")
    initial_gate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    replacement: Literal["blended", "permuted"] = Field(
        default="blended",
        description="for a closing feature where bilevel learns gates: blended goes from a permuted value to the "
        "running mean as the gate closes; permuted is the paper's",
    )
