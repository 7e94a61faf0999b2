"""LeAP (LeAP §3): learnable adaptive permutation. Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainers.selectors.gates.permutation_options import PermutationGateSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.leap.gate import LeapGate


# Off their default, of a feature that pays less for being rare.
FEWEST_ROWS = 2500


class LeapSpec(PermutationGateSpec):
    """LeAP (LeAP §3): the penalty of a feature follows its divergence, λ_i = α clip(Δ̄_i)."""

    old_penalty: ClassVar[Literal["adaptive", "uniform"]] = "adaptive"
    paper: ClassVar[dict[str, Any]] = {**PermutationGateSpec.paper, "divergence": "raw", "clip": (1e-6, 1e6)}

    name: Literal["leap"] = "leap"
    divergence: Literal["normalized", "raw"] = Field(
        default="normalized",
        description="of a feature from its permuted copy. normalized: in units of the feature's own standard "
        "deviation, so that neither its scale nor its dim counts, and rare values do; raw: the paper's. raw where "
        "only `clip` is given",
    )
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(default=0.98, description="momentum β of the divergences")
    clip: tuple[float, float] | None = Field(
        default=None,
        description="least and greatest divergence that counts. Unless given, 1 and 1.5 of a normalized one, and less "
        "than 1 where gates learn on more than 10,000 rows, 100 / √rows; 1.5 and 100 of a raw one",
    )

    @model_validator(mode="before")
    @classmethod
    def _clip_of_raw(cls, raw: Any) -> Any:
        """Numbers that were chosen before divergences were normalized."""
        return {"divergence": "raw", **raw} if isinstance(raw, dict) and raw.get("clip") else raw

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> Self:
        if self.clip is not None and not 0.0 < self.clip[0] < self.clip[1]:
            raise ValueError("`clip` takes two numbers, 0 < low < high")
        return self

    @property
    def weight(self) -> float:
        return self.alpha or (3e-4 if self.divergence == "raw" else 4e-4)

    def clip_for(self, rows: int) -> tuple[float, float]:
        """Least and greatest divergence that counts, where the gate learns on so many rows.

        A rare feature pays less only as far as there are rows to tell whether it is needed: at a share p of the rows a
        normalized divergence is 2√p, and the least one that counts is that of 2,500 rows.
        """
        if self.clip is not None:
            return self.clip
        return (
            (1.5, 100.0) if self.divergence == "raw" else (2 * (FEWEST_ROWS / max(rows, 4 * FEWEST_ROWS)) ** 0.5, 1.5)
        )

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> LeapGate:
        from trainers.selectors.gates.leap.gate import LeapGate

        return LeapGate(layout, self, essential=essential, baseline=baseline)
