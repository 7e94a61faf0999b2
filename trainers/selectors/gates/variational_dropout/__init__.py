"""Variational dropout of features, as TorchEasyRec has it. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import InnerShare, PenalizedMaskSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.variational_dropout.gate import VariationalDropoutGate


class VariationalDropoutSpec(PenalizedMaskSpec):
    """Variational dropout (TorchEasyRec): a dropout rate for each feature, learned with the weights. Score: the
    probability of keep."""

    probability_like: ClassVar[bool] = True

    name: Literal["variational_dropout"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)
    ramp: Ramp = like("ramp", 0.0)
    temperature: Positive = Field(default=0.1, description="t of the concrete relaxation")
    initial_gate: InnerShare = Field(default=0.5, description="probability of keep at first")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> VariationalDropoutGate:
        from trainers.selectors.gates.variational_dropout.gate import VariationalDropoutGate

        return VariationalDropoutGate(layout, self, essential=essential, baseline=baseline)
