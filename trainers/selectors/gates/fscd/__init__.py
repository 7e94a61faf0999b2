"""FSCD (Ma et al., SIGIR 2021): feature selection by complexity and variational dropout. Its options; the gate is
beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainers.selectors.gates.mask_options import PenalizedConcreteSpec, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.fscd.gate import FscdGate
    from trainers.spec.features import FeatureSpec

Weight = Annotated[float, Field(ge=0.0)]


class FscdSpec(PenalizedConcreteSpec):
    """FSCD (Ma et al. 2021): variational dropout whose prior follows what a feature costs to serve. Score: the
    probability of keep."""

    # What a feature costs to serve is of the whole feature.
    gates_dims: ClassVar[bool] = False

    name: Literal["fscd"]
    update: Update = like("update", "joint")
    warmup: Warmup = like("warmup", 0.0)
    cost_weight: Weight = Field(default=1.0, description="γ₁, of a feature's `cost`, in its mean over the features")
    dim_weight: Weight = Field(default=1.0, description="γ₂, of a feature's dim, in its mean over the features")
    rows_weight: Weight = Field(
        default=1.0, description="γ₃, of the logarithm of a feature's table rows, in its mean over the features"
    )

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        if self.cost_weight + self.dim_weight + self.rows_weight == 0.0:
            raise ValueError("`cost_weight`, `dim_weight` and `rows_weight` are all 0; give at least one a weight")
        return self

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> FscdGate:
        """Where nothing is known of the features but their dims, those are what they cost."""
        from trainers.selectors.gates.fscd.gate import FscdGate

        return FscdGate(layout, self, essential=essential, baseline=baseline)

    def build_for(
        self,
        features: Sequence[FeatureSpec],
        layout: FeatureLayout,
        baseline: Baseline,
        essential: Collection[str],
    ) -> FscdGate:
        from trainers.selectors.gates.fscd.gate import FscdGate
        from trainers.spec.budget import serving_cost

        costs = [serving_cost(each) for each in features]
        rows = [1 if each.kind == "dense" else each.table_rows for each in features]
        return FscdGate(layout, self, costs=costs, rows=rows, essential=essential, baseline=baseline)
