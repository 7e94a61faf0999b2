"""FiiNet (Wang & Li). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FiiNetSpec(DeepSpec):
    """Crosses all pairs and triples of features, and learns, row by row, how much each cross matters.

    Says the weight of each cross. Memory and time grow with the cube of the number of features.
    """

    backbone: Literal["fiinet"]
    factors: Size = Field(default=8, description="dims every feature is projected to")
    reduction: Size = Field(default=16, description="how many times fewer units than crosses weigh the crosses")
    ablation: Literal["none", "s", "h", "sh"] = Field(
        default="none",
        description="s: without crosses of two features; h: without those of three; sh: without either, the perceptron "
        "reads the features",
    )

    @property
    def orders(self) -> tuple[int, ...]:
        """How many features the crosses have."""
        return {"none": (2, 3), "s": (3,), "h": (2,), "sh": ()}[self.ablation]

    def units(self, crosses: int) -> int:
        """Units of the squeezed layer."""
        return max(1, crosses // self.reduction)

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.fiinet.network import FiiNet

        return FiiNet(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, features = sum(dims), len(dims)
        crosses = sum(comb(features, order) for order in self.orders)
        weighing = crosses + 2 * crosses * self.units(crosses) if self.orders else 0
        deep = self.count_perceptron((crosses if self.orders else features) * self.factors, labels)
        return (columns + 1) * labels + columns * self.factors + weighing + deep
