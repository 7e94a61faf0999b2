"""The adaptive factorization network (Cheng et al. 2020). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class AfnSpec(DeepSpec):
    """Learns which features to multiply, and to which power: crosses of any order."""

    backbone: Literal["afn"]
    factors: Size = Field(default=8, description="dims every feature is projected to")
    neurons: Size = Field(default=32, description="products of powers of features that are learned")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.afn.network import Afn

        return Afn(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        neurons = len(dims) * self.neurons + 2 * (len(dims) + self.neurons)  # and two batch norms
        return sum(dims) * self.factors + neurons + self.count_perceptron(self.neurons * self.factors, labels)
