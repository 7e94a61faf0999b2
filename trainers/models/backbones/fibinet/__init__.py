"""FiBiNET (Huang et al. 2019). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FiBiNetSpec(DeepSpec):
    """Weighs features row by row, and crosses all pairs of them by bilinear products, weighted and not.

    Memory and time grow with the square of the number of features.
    """

    backbone: Literal["fibinet"]
    factors: Size = Field(default=8, description="dims every feature is projected to")
    reduction: Size = Field(default=3, description="how many times fewer units than features weigh the features")
    bilinear: Literal["all", "each", "interaction"] = Field(
        default="all", description="one matrix for all pairs, one for each left feature of a pair, or one for each pair"
    )

    def units(self, features: int) -> int:
        """Units of the squeezed layer."""
        return max(1, features // self.reduction)

    def matrices(self, features: int) -> int:
        """Matrices of the bilinear products."""
        return {"all": 1, "each": features - 1, "interaction": features * (features - 1) // 2}[self.bilinear]

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.fibinet.network import FiBiNet

        return FiBiNet(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, features, size = sum(dims), len(dims), self.factors
        weighing = 2 * features * self.units(features)
        products = 2 * self.matrices(features) * size**2
        deep = self.count_perceptron(features * (features - 1) * size, labels)
        return (columns + 1) * labels + columns * size + weighing + products + deep
