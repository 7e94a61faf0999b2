"""A multilayer perceptron over the concatenation. Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import BackboneSpec, Hidden, perceptron_parameters

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class MlpSpec(BackboneSpec):
    backbone: Literal["mlp"]
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.mlp.network import Mlp

        return Mlp(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        return perceptron_parameters(sum(dims), self.hidden, labels, batch_norm=self.batch_norm)
