"""The options of a backbone. Importing them imports no torch."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from trainers.config import Config

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone

Hidden = tuple[Annotated[int, Field(ge=1)], ...]


class BackboneSpec(Config, abc.ABC):
    """Options of one backbone. A subclass has `backbone`, a literal with the name that specs call it by."""

    backbone: str

    @abc.abstractmethod
    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        """The network over `layout`, with `labels` logits a row, its weights fresh from torch's current seed."""
