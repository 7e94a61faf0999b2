"""OptFS (Lyu et al., WWW 2023): gates of feature values. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from trainers.selectors.gates.mask_options import PenalizedMaskSpec, Positive, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.optfs.gate import OptFsGate
    from trainers.spec.features import FeatureSpec


class OptFsSpec(PenalizedMaskSpec):
    """OptFS (Lyu et al. 2023): a gate for each value of a feature, learned by continuation. Score: the mean gate over
    rows."""

    probability_like: ClassVar[bool] = True

    name: Literal["optfs"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)
    ramp: Ramp = like("ramp", 0.0)
    final_temperature: Positive = Field(
        default=200.0, description="γ, the temperature at the end: it rises from 1 by a constant factor a step"
    )
    initial_gate: Positive = Field(default=0.5, description="of every value at first, before the sigmoid")
    values: Annotated[int, Field(ge=1)] = Field(
        default=2**14, description="gates of a feature of ids at most; where its table has more rows, some share one"
    )
    buckets: Annotated[int, Field(ge=1)] = Field(
        default=16, description="gates of a number, which is cut at quantiles of the normal distribution"
    )

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> OptFsGate:
        """Where nothing is known of the features but their dims, all are taken for dense ones."""
        from trainers.selectors.gates.optfs.gate import OptFsGate

        return OptFsGate(layout, self, essential=essential, baseline=baseline)

    def build_for(
        self,
        features: Sequence[FeatureSpec],
        layout: FeatureLayout,
        baseline: Baseline,
        essential: Collection[str],
    ) -> OptFsGate:
        from trainers.selectors.gates.optfs.gate import OptFsGate

        rows = {each.name: each.table_rows for each in features if each.kind != "dense"}
        return OptFsGate(layout, self, rows=rows, essential=essential, baseline=baseline)
