"""STG, stochastic gates (Yamada et al., ICML 2020). Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import PenalizedMaskSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.stg.gate import StgGate


class StgSpec(PenalizedMaskSpec):
    """Stochastic gates (Yamada et al. 2020): a clipped Gaussian for each feature, with the exact expected number of
    open ones as the penalty. Score: the probability that a gate is open."""

    probability_like: ClassVar[bool] = True
    gates_dims: ClassVar[bool] = True

    name: Literal["stg"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)
    ramp: Ramp = like("ramp", 0.0)
    sigma: Positive = Field(default=0.5, description="standard deviation of the noise")
    initial_mean: float = Field(default=0.5, description="μ of every gate at first")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> StgGate:
        from trainers.selectors.gates.stg.gate import StgGate

        return StgGate(layout, self, essential=essential, baseline=baseline)
