"""Logistic regression (Richardson et al. 2007). Its options; the network is beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from trainers.models.backbones.spec import BackboneSpec

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone


class LrSpec(BackboneSpec):
    """Logistic regression on the concatenation: no crosses."""

    backbone: Literal["lr"]

    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        from trainers.models.backbones.lr.network import Lr

        return Lr(layout, self, labels)

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        return (sum(dims) + 1) * labels
