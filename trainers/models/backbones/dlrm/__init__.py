"""DLRM (Naumov et al. 2019). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Hidden, Size, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class DlrmSpec(DeepSpec):
    """A perceptron over the scalars, its output crossed with the other features, and a perceptron over the crosses.

    Time grows with the square of the number of features of more than one dim.
    """

    backbone: Literal["dlrm"]
    factors: Size = Field(default=16, description="dims every feature of more than one dim is projected to")
    bottom: Hidden = Field(default=(32,), description="sizes of the layers over the features of one dim")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.dlrm.network import Dlrm

        return Dlrm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        wide = [dim for dim in dims if dim > 1]
        scalars = len(dims) - len(wide)
        bottom = perceptron_parameters(scalars, self.bottom, self.factors, batch_norm=self.batch_norm)
        crosses = self.factors + (len(wide) + 1) * len(wide) // 2
        first = bottom if scalars else self.factors
        return first + sum(wide) * self.factors + self.count_perceptron(crosses, labels)
