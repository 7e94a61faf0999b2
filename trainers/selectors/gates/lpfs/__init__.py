"""LPFS (Guo et al. 2022): learnable polarizing feature selection. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import PenalizedMaskSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.lpfs.gate import LpfsGate


class LpfsSpec(PenalizedMaskSpec):
    """LPFS (Guo et al. 2022): gates x²/(x² + ε), which polarize as ε falls, under a proximal step. Score: the
    mean gate over the last steps."""

    probability_like: ClassVar[bool] = True
    gates_dims: ClassVar[bool] = True

    name: Literal["lpfs"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)
    ramp: Ramp = like("ramp", 0.0)
    initial_epsilon: Positive = Field(default=0.1, description="ε of the smoothed ℓ₀ at first")
    final_epsilon: Positive = Field(
        default=0.01,
        description="ε at the end, which it falls to by a constant factor a step; its root should be several steps "
        "of the learning rate",
    )

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> LpfsGate:
        from trainers.selectors.gates.lpfs.gate import LpfsGate

        return LpfsGate(layout, self, essential=essential, baseline=baseline)
