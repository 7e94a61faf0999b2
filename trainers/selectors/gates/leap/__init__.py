"""LeAP (LeAP §3): learnable adaptive permutation. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainers.selectors.gates.permutation_options import PermutationGateSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.leap.gate import LeapGate


class LeapSpec(PermutationGateSpec):
    """LeAP (LeAP §3): the penalty of a feature follows its divergence, λ_i = α clip(Δ̄_i)."""

    old_penalty: ClassVar[Literal["adaptive", "uniform"]] = "adaptive"
    paper: ClassVar[dict[str, Any]] = {
        **PermutationGateSpec.paper, "alpha": 3e-4, "divergence": "raw", "clip": (1e-6, 1e6)
    }  # fmt: skip

    name: Literal["leap"] = "leap"
    alpha: Annotated[float, Field(gt=0.0)] = Field(default=4e-4, description="weight of the penalty")
    divergence: Literal["normalized", "raw"] = Field(
        default="normalized",
        description="of a feature from its permuted copy. normalized: in units of the feature's own standard "
        "deviation, so that neither its scale nor its dim counts, and rare values do; raw: the paper's. raw where "
        "only `clip` is given",
    )
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(default=0.98, description="momentum β of the divergences")
    clip: tuple[float, float] = Field(default=(0.02, 1.5), description="least and greatest divergence that counts")

    @model_validator(mode="before")
    @classmethod
    def _clip_of_raw(cls, raw: Any) -> Any:
        """Numbers that were chosen before divergences were normalized."""
        return {"divergence": "raw", **raw} if isinstance(raw, dict) and "clip" in raw else raw

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> Self:
        if not 0.0 < self.clip[0] < self.clip[1]:
            raise ValueError("`clip` takes two numbers, 0 < low < high")
        return self

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> LeapGate:
        from trainers.selectors.gates.leap.gate import LeapGate

        return LeapGate(layout, self, essential=essential, baseline=baseline)
