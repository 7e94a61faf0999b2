"""GDCN (Wang et al. 2023). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class GdcnSpec(DeepSpec):
    """A cross network whose every layer has a gate for each column and row, beside a perceptron.

    Its weights grow with the square of the number of columns.
    """

    backbone: Literal["gdcn"]
    cross_layers: Annotated[int, Field(ge=1, le=10)] = 2

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.gdcn.network import Gdcn

        return Gdcn(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        crosses = self.cross_layers * (2 * columns**2 + columns)
        return crosses + (columns + 1) * labels + self.count_perceptron(columns, labels)
