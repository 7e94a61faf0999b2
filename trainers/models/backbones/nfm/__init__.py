"""The neural factorization machine (He & Chua 2017). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class NfmSpec(DeepSpec):
    """A perceptron over the sum of all pairs of features, coordinate by coordinate."""

    backbone: Literal["nfm"]
    factors: Size = Field(default=16, description="dims every feature is projected to")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.nfm.network import Nfm

        return Nfm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        return (columns + 1) * labels + columns * self.factors + self.count_perceptron(self.factors, labels)
