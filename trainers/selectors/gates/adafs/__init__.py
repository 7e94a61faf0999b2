"""AdaFS (Lin et al., KDD 2022): adaptive feature selection. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainers.selectors.gates.mask_options import MaskGateSpec, Ramp, Update, Warmup, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.adafs.gate import AdaFsGate


class AdaFsSpec(MaskGateSpec):
    """AdaFS (Lin et al. 2022): a controller weighs the features of each row, softly or the k best alone. Score: the
    mean weight over held-out rows; weights of a row add up to 1."""

    penalized: ClassVar[bool] = False

    name: Literal["adafs"]
    update: Update = like("update", "bilevel")
    warmup: Warmup = like("warmup", 0.3, "share of the search in which the model learns on all features alike")
    ramp: Ramp = like("ramp", 0.0, "of no effect: nothing is penalized")
    selection: Literal["soft", "hard"] = Field(
        default="soft", description="soft: every feature by its weight; hard: the `top_k` of a row with the most alone"
    )
    top_k: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="features of a row that `selection: hard` keeps"
    )
    hidden: Annotated[int, Field(ge=1)] = Field(default=16, description="width of the controller's hidden layer")

    @model_validator(mode="after")
    def _hard_takes_k(self) -> Self:
        if (self.selection == "hard") != (self.top_k is not None):
            raise ValueError("`selection: hard` takes `top_k`, how many features of a row stay, and `soft` takes none")
        return self

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> AdaFsGate:
        from trainers.selectors.gates.adafs.gate import AdaFsGate

        return AdaFsGate(layout, self, essential=essential, baseline=baseline)
