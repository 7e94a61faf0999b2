"""FeatNet (feature interaction pruning networks, 2022). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FeatNetSpec(DeepSpec):
    """Learns, row by row, subsets of features and their combinations, and prunes both by learned thresholds.

    Says which features each subset has, how many features are combined, and which pairs act together.
    """

    backbone: Literal["featnet"]
    factors: Size = Field(default=16, description="dims every feature is projected to")
    subsets: Size = Field(default=10, description="subsets of features, each with a perceptron of its own")
    queries: Size = Field(default=16, description="combinations of features within each subset")
    expansion: Size = Field(default=4, description="units between a feature and its shares in the subsets")
    threshold_start: float = Field(
        default=-5.0,
        ge=-20.0,
        le=5.0,
        description="where thresholds begin, before the sigmoid: far below 0 nothing is pruned early in the training",
    )

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.featnet.network import FeatNet

        return FeatNet(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        features, size = len(dims), self.factors
        subsets = self.expansion * (size + self.subsets) + features * self.subsets
        attention = size**2 + self.queries * size + self.subsets * self.queries * features
        width = self.queries * size
        out = self.hidden[-1] if self.hidden else width
        deep = perceptron_parameters(width, self.hidden, 0, batch_norm=self.batch_norm)
        return sum(dims) * size + subsets + attention + self.subsets * deep + (self.subsets * out + 1) * labels
