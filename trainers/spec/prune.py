"""How scores become decisions, and what a prune list may cost."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainers.config import Config, Share
from trainers.spec.budget import Budget, share_of
from trainers.spec.features import Dims

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


# What a number of a rule belongs to. `keep` alone may not stand under another rule; the others are warned of.
NUMBERS = {"top_k": "top_k", "share": "dims", "keep_dims": "budget", "keep_bytes": "budget", "keep_cost": "budget"}
LIMITS = ("keep_dims", "keep_bytes", "keep_cost")


class PruneSpec(Config):
    """How scores become decisions. Essential features stay under every rule."""

    rule: Literal["threshold", "top_k", "dims", "budget", "curve", "given"] = "threshold"
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    top_k: Annotated[int, Field(ge=1)] | None = Field(default=None, description="features kept under rule top_k")
    share: Share | None = Field(default=None, description="share of dims kept under rule dims")
    keep_dims: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="dims kept at most, under rule budget"
    )
    keep_bytes: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="bytes of embedding tables kept at most, under rule budget: 4 for each weight of a table, which "
        "has `hash_size` rows and one for null. Dense features have no table and always fit",
    )
    keep_cost: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None, description="sum of the features' `cost` kept at most, under rule budget"
    )
    delta: Annotated[float, Field(ge=0.0)] = Field(
        default=0.001, description="rise of validation logloss that rule curve may spend (FairFS Eq. 1)"
    )
    keep: tuple[str, ...] | None = Field(default=None, description="features kept under rule given, and no others")
    kept_dims: dict[str, Dims] | None = Field(
        default=None,
        description="under rule given, with `selector.granularity: dim`: of features in `keep` that keep some of their "
        "dims alone, which, from 0",
        exclude_if=lambda value: value is None,
    )
    curve_points: Annotated[int, Field(ge=2, le=1000)] = 64
    guard: GuardSpec = GuardSpec()

    def most_dims(self, total: int) -> int:
        """Dims that rule dims may keep of so many."""
        assert self.share is not None
        return share_of(self.share, total)

    def budget(self, total_dims: int) -> Budget | None:
        """What the rule may keep at most of features of so many dims; None of a rule without a budget."""
        if self.rule == "dims":
            return Budget(unit="dims", limit=self.most_dims(total_dims))
        if self.rule != "budget":
            return None
        if self.keep_dims is not None:
            return Budget(unit="dims", limit=self.keep_dims)
        if self.keep_bytes is not None:
            return Budget(unit="bytes", limit=self.keep_bytes)
        assert self.keep_cost is not None
        return Budget(unit="cost", limit=self.keep_cost)

    @model_validator(mode="after")
    def _rule_has_its_number(self) -> Self:
        for number, rule in NUMBERS.items():
            if "rule" not in self.model_fields_set and getattr(self, number) is not None:
                raise ValueError(f"`{number}` is of rule {rule}, and no rule is given; set `rule: {rule}`")
        if self.rule == "top_k" and self.top_k is None:
            raise ValueError("rule top_k needs `top_k`, the number of features to keep")
        if self.rule == "dims" and self.share is None:
            raise ValueError("rule dims needs `share`, the share of dims to keep, in (0, 1]")
        limits = [name for name in LIMITS if getattr(self, name) is not None]
        if self.rule == "budget" and len(limits) != 1:
            found = " and ".join(f"`{name}`" for name in limits) or "none"
            raise ValueError(
                f"rule budget needs one of `keep_dims`, `keep_bytes` and `keep_cost`, and has {found}; give one"
            )
        if self.rule == "given" and not self.keep:
            raise ValueError("rule given needs `keep`, the names of the features to keep")
        if self.rule != "given" and self.keep:
            raise ValueError(f"`keep` is of rule given, and the rule is {self.rule}; set `rule: given`, or take it out")
        if self.rule != "given" and self.kept_dims:
            raise ValueError(
                f"`kept_dims` is of rule given, and the rule is {self.rule}; set `rule: given`, or take it out"
            )
        return self
