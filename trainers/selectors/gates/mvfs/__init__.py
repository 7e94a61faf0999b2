"""MvFS (Lee et al., CIKM 2023): multi-view feature selection. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import MaskGateSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.mvfs.gate import MvFsGate


class MvFsSpec(MaskGateSpec):
    """MvFS (Lee et al. 2023): several networks weigh the features of each row, a controller mixes them, and each
    feature is opened by its own weight. Score: the mean gate over held-out rows."""

    probability_like: ClassVar[bool] = True
    penalized: ClassVar[bool] = False

    name: Literal["mvfs"]
    update: Update = like("update", "bilevel")
    warmup: Warmup = like("warmup", 0.3, "share of the search in which the model learns on all features alike")
    ramp: Ramp = like("ramp", 0.0, "of no effect: nothing is penalized")
    views: Annotated[int, Field(ge=1)] = Field(default=6, description="networks that weigh the features")
    threshold: Positive = Field(
        default=0.5, description="l, importance at which a gate is half open; 1 is that of equal importances"
    )
    initial_sharpness: Positive = Field(default=1.0, description="τ of the gates at first, ½(1 + tanh(τ(I − l)))")
    final_sharpness: Positive = Field(default=5.0, description="τ at the end, which it rises to step by step")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> MvFsGate:
        from trainers.selectors.gates.mvfs.gate import MvFsGate

        return MvFsGate(layout, self, essential=essential, baseline=baseline)
