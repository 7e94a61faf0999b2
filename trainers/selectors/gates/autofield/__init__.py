"""AutoField (Wang et al., WWW 2022): a controller drops or keeps each field. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import MaskGateSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.autofield.gate import AutoFieldGate


class AutoFieldSpec(MaskGateSpec):
    """AutoField (Wang et al. 2022): architecture weights by Gumbel-softmax, learned on held-out rows, without a
    penalty. Score: the probability of keep."""

    probability_like: ClassVar[bool] = True
    gates_dims: ClassVar[bool] = True
    penalized: ClassVar[bool] = False

    name: Literal["autofield"]
    update: Update = like("update", "bilevel")
    warmup: Warmup = like("warmup", 0.0, "share of the search before the temperature falls")
    ramp: Ramp = like("ramp", 0.0, "of no effect: nothing is penalized")
    initial_temperature: Positive = Field(default=1.0, description="τ of the Gumbel-softmax at first")
    final_temperature: Positive = Field(default=0.01, description="τ at the end, which it falls to step by step")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> AutoFieldGate:
        from trainers.selectors.gates.autofield.gate import AutoFieldGate

        return AutoFieldGate(layout, self, essential=essential, baseline=baseline)
