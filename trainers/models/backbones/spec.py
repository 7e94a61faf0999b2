"""The options of a backbone. Importing them imports no torch."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from trainers.config import Config

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.backbones.base import Backbone

# A layer of a million units is beyond any ranking model, and its weights still count in 64 bits.
Size = Annotated[int, Field(ge=1, le=2**20)]
Hidden = tuple[Size, ...]


class BackboneSpec(Config, abc.ABC):
    """Options of one backbone. A subclass has `backbone`, a literal with the name that specs call it by."""

    backbone: str

    @abc.abstractmethod
    def build(self, layout: FeatureLayout, labels: int = 1) -> Backbone:
        """The network over `layout`, with `labels` logits a row, its weights fresh from torch's current seed."""

    def count_parameters(self, dims: Sequence[int], labels: int = 1) -> int:
        """Weights of the network over features of `dims`, to be held against memory before it is built.

        Optional: of a network that doesn't say, none are counted.
        """
        return 0


class DeepSpec(BackboneSpec, abc.ABC):
    """Options of a backbone with a perceptron in it."""

    hidden: Hidden = Field(default=(64, 32), description="sizes of the perceptron's layers")
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False

    def count_perceptron(self, width: int, labels: int) -> int:
        """Weights of the perceptron over `width` columns, its output layer among them."""
        return perceptron_parameters(width, self.hidden, labels, batch_norm=self.batch_norm)


def perceptron_parameters(width: int, hidden: Sequence[int], labels: int, *, batch_norm: bool) -> int:
    """Weights of a perceptron over `width` columns with `labels` outputs; see `perceptron` in base.py."""
    count = 0
    for size in (*hidden, labels):
        count += (width + 1) * size
        width = size
    return count + (2 * sum(hidden) if batch_norm else 0)
