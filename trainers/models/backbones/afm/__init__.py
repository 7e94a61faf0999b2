"""The attentional factorization machine (Xiao et al. 2017). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class AfmSpec(BackboneSpec):
    """A factorization machine that attends to some pairs of features more than to others, row by row.

    Memory and time grow with the square of the number of features.
    """

    backbone: Literal["afm"]
    factors: Size = Field(default=8, description="dims every feature is projected to")
    attention_dim: Size = Field(default=8, description="units of the network that attends to pairs")
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(default=0.0, description="of the pooled pairs")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.afm.network import Afm

        return Afm(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, attention = sum(dims), (self.factors + 2) * self.attention_dim
        return (columns + 1) * labels + columns * self.factors + attention + self.factors * labels
