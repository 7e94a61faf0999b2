"""LassoNet's dense-to-sparse path (Lemhadri et al., JMLR 2021), on gates. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import PenalizedMaskSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.lassonet.gate import LassoNetGate


class LassoNetSpec(PenalizedMaskSpec):
    """LassoNet (Lemhadri et al. 2021), on gates: an ℓ₁ penalty that rises along a path, with proximal steps. Score:
    how far along the path a feature stays."""

    name: Literal["lassonet"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.3)
    ramp: Ramp = like("ramp", 0.0)
    alpha: Positive = Field(default=1e-2, description="λ at the end of the path: what one open gate costs, in nats")
    path: float = Field(default=100.0, gt=1.0, description="the last λ in terms of the first")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> LassoNetGate:
        from trainers.selectors.gates.lassonet.gate import LassoNetGate

        return LassoNetGate(layout, self, essential=essential, baseline=baseline)
