"""The field-weighted factorization machine (Pan et al. 2018). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FwFmSpec(BackboneSpec):
    """A factorization machine with a weight for each pair of features."""

    backbone: Literal["fwfm"]
    factors: Size = Field(default=8, description="dims every feature is projected to")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.fwfm.network import FwFm

        return FwFm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, pairs = sum(dims), len(dims) * (len(dims) - 1) // 2
        return (columns + 1) * labels + columns * self.factors + pairs * labels
