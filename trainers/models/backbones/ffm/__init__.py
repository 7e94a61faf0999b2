"""The field-aware factorization machine (Juan et al. 2016). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FfmSpec(BackboneSpec):
    """A factorization machine in which a feature has a vector of its own for each other feature.

    Memory and time grow with the square of the number of features.
    """

    backbone: Literal["ffm"]
    factors: Size = Field(default=4, description="dims every feature is projected to, for each other feature")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.ffm.network import Ffm

        return Ffm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        return (columns + 1) * labels + columns * len(dims) * self.factors
