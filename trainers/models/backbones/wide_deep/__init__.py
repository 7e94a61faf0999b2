"""Wide & Deep (Cheng et al. 2016). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Hidden, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class WideDeepSpec(BackboneSpec):
    """Wide&Deep with the sizes of the LeAP paper's experiments."""

    backbone: Literal["wide_deep"] = "wide_deep"
    hidden: Hidden = (32, 16)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    batch_norm: bool = True

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.wide_deep.network import WideDeep

        return WideDeep(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        deep = perceptron_parameters(columns, self.hidden, labels, batch_norm=self.batch_norm)
        return (columns + 1) * labels + deep
