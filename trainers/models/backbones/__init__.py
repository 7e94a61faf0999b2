"""Backbones: what stands behind the gate. Adding one touches its file, its spec and this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.dcnv2.network import DcnV2
from trainers.models.backbones.deepfm.network import DeepFm
from trainers.models.backbones.mlp.network import Mlp
from trainers.models.backbones.wide_deep.network import WideDeep
from trainers.spec import ModelSpec

REGISTRY: dict[str, Callable[[FeatureLayout, Any], Backbone]] = {
    "mlp": Mlp,
    "wide_deep": WideDeep,
    "dcnv2": DcnV2,
    "deepfm": DeepFm,
}


def build_backbone(layout: FeatureLayout, spec: ModelSpec) -> Backbone:
    """The backbone that the spec names, with fresh weights from torch's current seed."""
    return REGISTRY[spec.backbone](layout, spec)


__all__ = ["REGISTRY", "Backbone", "build_backbone"]
