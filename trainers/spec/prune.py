"""How scores become decisions, and what a prune list may cost."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainers.config import Config, Share

GuardMetric = Literal["auc", "gauc", "logloss", "ne"]
Drop = Annotated[float, Field(ge=0.0)]


class GuardSpec(Config):
    """How much worse than the full model the fine-tuned one may be, in units of `metric`; a list beyond is refused."""

    metric: GuardMetric = "auc"
    max_drop: Drop = 0.001
    limits: dict[GuardMetric, Drop] = Field(
        default={},
        description="of other metrics: how much worse each may become before a banner says so; `max_drop` unless given",
    )


class PruneSpec(Config):
    """How scores become decisions. Essential features stay under every rule."""

    rule: Literal["threshold", "top_k", "dims", "curve", "given"] = "threshold"
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    top_k: Annotated[int, Field(ge=1)] | None = Field(default=None, description="features kept under rule top_k")
    share: Share | None = Field(default=None, description="share of dims kept under rule dims")
    delta: Annotated[float, Field(ge=0.0)] = Field(
        default=0.001, description="rise of validation logloss that rule curve may spend (FairFS Eq. 1)"
    )
    keep: tuple[str, ...] | None = Field(default=None, description="features kept under rule given, and no others")
    curve_points: Annotated[int, Field(ge=2, le=1000)] = 64
    guard: GuardSpec = GuardSpec()

    def kept_dims(self, total: int) -> int:
        """Dims that rule dims may keep of so many."""
        assert self.share is not None
        return int(self.share * total + 1e-9)  # 0.7 · 10 is 7

    @model_validator(mode="after")
    def _rule_has_its_number(self) -> Self:
        for rule, number in {"top_k": "top_k", "dims": "share"}.items():
            if "rule" not in self.model_fields_set and getattr(self, number) is not None:
                raise ValueError(f"`{number}` is of rule {rule}, and no rule is given; set `rule: {rule}`")
        if self.rule == "top_k" and self.top_k is None:
            raise ValueError("rule top_k needs `top_k`, the number of features to keep")
        if self.rule == "dims" and self.share is None:
            raise ValueError("rule dims needs `share`, the share of dims to keep, in (0, 1]")
        if self.rule == "given" and not self.keep:
            raise ValueError("rule given needs `keep`, the names of the features to keep")
        if self.rule != "given" and self.keep:
            raise ValueError(f"`keep` is of rule given, and the rule is {self.rule}; set `rule: given`, or take it out")
        return self
