"""DCN, the first version (Wang et al. 2017). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class DcnSpec(DeepSpec):
    """A cross network of rank one beside a perceptron. `dcnv2` has the matrices of its second version."""

    backbone: Literal["dcn"]
    cross_layers: Annotated[int, Field(ge=1, le=10)] = 2

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.dcn.network import Dcn

        return Dcn(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        crosses = self.cross_layers * 2 * columns
        return crosses + (columns + 1) * labels + self.count_perceptron(columns, labels)
