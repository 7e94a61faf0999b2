"""DCN v2 (Wang et al. 2021). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Hidden, Size, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class DcnV2Spec(BackboneSpec):
    backbone: Literal["dcnv2"]
    cross_layers: Annotated[int, Field(ge=1, le=10)] = 2
    rank: Size = 32
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.dcnv2.network import DcnV2

        return DcnV2(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        crosses = self.cross_layers * columns * (2 * self.rank + 1)
        deep = perceptron_parameters(columns, self.hidden, labels, batch_norm=self.batch_norm)
        return crosses + (columns + 1) * labels + deep
