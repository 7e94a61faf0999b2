"""LeAP-Base, the paper's ablation: every feature is penalized alike. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from trainers.selectors.gates.permutation_options import PermutationGateSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.leap_base.gate import LeapBaseGate


class LeapBaseSpec(PermutationGateSpec):
    """LeAP without adaptive regularization (LeAP Table 4, LeAP-Base): λ_i = α."""

    old_penalty: ClassVar[Literal["adaptive", "uniform"]] = "uniform"

    name: Literal["leap_base"] = "leap_base"

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> LeapBaseGate:
        from trainers.selectors.gates.leap_base.gate import LeapBaseGate

        return LeapBaseGate(layout, self, essential=essential, baseline=baseline)
