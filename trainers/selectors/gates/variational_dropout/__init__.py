"""Variational dropout of features, as TorchEasyRec has it. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from trainers.selectors.gates.mask_options import PenalizedConcreteSpec, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.variational_dropout.gate import VariationalDropoutGate


class VariationalDropoutSpec(PenalizedConcreteSpec):
    """Variational dropout (TorchEasyRec): a dropout rate for each feature, learned with the weights. Score: the
    probability of keep."""

    name: Literal["variational_dropout"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> VariationalDropoutGate:
        from trainers.selectors.gates.variational_dropout.gate import VariationalDropoutGate

        return VariationalDropoutGate(layout, self, essential=essential, baseline=baseline)
