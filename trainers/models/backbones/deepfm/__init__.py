"""DeepFM (Guo et al. 2017). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Hidden, Size, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class DeepFmSpec(BackboneSpec):
    backbone: Literal["deepfm"]
    factors: Size = Field(default=8, description="dims every feature is projected to for the FM")
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.deepfm.network import DeepFm

        return DeepFm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        deep = perceptron_parameters(columns, self.hidden, labels, batch_norm=self.batch_norm)
        return (columns + 1) * labels + columns * self.factors + deep
