"""What a rule may keep at most, and what a feature takes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainers.spec.features import DenseFeature, FeatureSpec

Unit = Literal["dims", "bytes", "cost"]
FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Budget:
    """At most `limit` of a unit: dims of the concatenation, bytes of embedding tables, or the features' own costs."""

    unit: Unit
    limit: float

    def fits(self, spent: float) -> bool:
        """Whether so much may be spent. Costs are floats: three of 0.1 fit into 0.3."""
        slack = 1e-9 * self.limit if self.unit == "cost" else 0.0
        return spent <= self.limit + slack


def share_of(share: float, total: int) -> int:
    """How many of `total` a share is, rounded down: 0.7 of 10 is 7."""
    return int(share * total + 1e-9)


def table_bytes(feature: FeatureSpec) -> int:
    """Of the weights of a feature's embedding table; 0 for a dense feature."""
    return 0 if isinstance(feature, DenseFeature) else feature.table_rows * feature.width * FLOAT_BYTES


def serving_cost(feature: FeatureSpec) -> float:
    """The feature's own cost, or its dims in the model where it has none."""
    return feature.width if feature.cost is None else feature.cost


def weight_in(unit: Unit, feature: FeatureSpec) -> float:
    """What a feature takes of a budget."""
    return {"dims": feature.width, "bytes": table_bytes(feature), "cost": serving_cost(feature)}[unit]


def in_unit(amount: float, unit: Unit) -> str:
    """An amount in words: "12 dims", "4,096 bytes of tables", "cost 0.3"."""
    if unit == "cost":
        return f"cost {amount:,.10g}"
    return f"{amount:,.0f} {'dims' if unit == 'dims' else 'bytes of tables'}"
