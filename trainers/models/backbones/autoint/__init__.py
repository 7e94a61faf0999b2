"""AutoInt (Song et al. 2019). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from trainers.models.backbones.spec import BackboneSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class AutoIntSpec(BackboneSpec):
    """Attention among all pairs of features: time and memory grow with the square of their number."""

    backbone: Literal["autoint"]
    attention_dim: Size = Field(default=16, description="dims every feature is projected to")
    heads: Annotated[int, Field(ge=1)] = 2
    attention_layers: Annotated[int, Field(ge=1, le=10)] = 2
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(default=0.0, description="of attention weights")

    @model_validator(mode="after")
    def _heads_share_the_dims(self) -> Self:
        if self.attention_dim % self.heads:
            raise ValueError(f"attention_dim is {self.attention_dim}, and {self.heads} heads share it; take a multiple")
        return self

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.autoint.network import AutoInt

        return AutoInt(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        width = self.attention_dim
        layer = 5 * width**2  # queries, keys, values, the mix of the heads, the residual
        return sum(dims) * width + self.attention_layers * layer + (len(dims) * width + 1) * labels
