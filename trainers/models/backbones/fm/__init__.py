"""The factorization machine (Rendle 2010). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class FmSpec(BackboneSpec):
    """A factorization machine: all pairs of features, in time linear in their number."""

    backbone: Literal["fm"]
    factors: Size = Field(default=8, description="dims every feature is projected to")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.fm.network import Fm

        return Fm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns = sum(dims)
        return (columns + 1) * labels + columns * self.factors
