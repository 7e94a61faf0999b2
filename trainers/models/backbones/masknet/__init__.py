"""MaskNet (Wang et al. 2021). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainers.models.backbones.spec import DeepSpec, Size

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class MaskNetSpec(DeepSpec):
    """Multiplies features and hidden layers by masks that are made from the row."""

    backbone: Literal["masknet"]
    factors: Size = Field(default=8, description="dims every feature is projected to")
    structure: Literal["serial", "parallel"] = Field(
        default="serial", description="whether a block masks the block before it, or every block masks the features"
    )
    blocks: Annotated[int, Field(ge=1, le=20)] = 3
    block_dim: Size = Field(default=64, description="outputs of a block")
    mask_dim: Size = Field(default=32, description="units between the row and a mask")

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.masknet.network import MaskNet

        return MaskNet(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        columns, features = sum(dims), len(dims)
        masked = [features * self.factors] + [
            self.block_dim if self.structure == "serial" else features * self.factors
        ] * (self.blocks - 1)
        masks = sum((columns + 1) * self.mask_dim + (self.mask_dim + 1) * width for width in masked)
        layers = sum(width * self.block_dim + 2 * self.block_dim for width in masked)
        projected = (columns + features) * self.factors + 2 * self.factors
        out = self.block_dim * (1 if self.structure == "serial" else self.blocks)
        return projected + masks + layers + self.count_perceptron(out, labels)
