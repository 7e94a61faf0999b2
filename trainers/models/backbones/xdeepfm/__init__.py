"""xDeepFM (Lian et al. 2018). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Hidden, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class XDeepFmSpec(DeepSpec):
    """A compressed interaction network, which crosses features to one order more a layer, beside a perceptron."""

    backbone: Literal["xdeepfm"]
    factors: Size = Field(default=8, description="dims every feature is projected to for the crosses")
    cross_maps: Annotated[Hidden, Field(min_length=1, max_length=10)] = Field(
        default=(16, 16), description="crosses that each layer keeps; the first layer's are of two features"
    )

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.xdeepfm.network import XDeepFm

        return XDeepFm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, features, before, crosses = sum(dims), len(dims), len(dims), 0
        for maps in self.cross_maps:
            crosses += maps * before * features
            before = maps
        out = sum(self.cross_maps) * labels
        return (columns + 1) * labels + columns * self.factors + crosses + out + self.count_perceptron(columns, labels)
