"""What a backbone is: from the concatenated input to a logit, and how it shrinks with its input.

Shapes: B rows, C = Σ dims columns.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence

import torch
from torch import nn

from sharding.layout import FeatureLayout


class Backbone(nn.Module, abc.ABC):
    """A ranking network over the concatenation of features of any dims.

    Subclasses take `(layout, spec)` and keep both; `_copy_pruned` is all that pruning needs of them.
    """

    def __init__(self, layout: FeatureLayout) -> None:
        super().__init__()
        self.layout = layout

    @abc.abstractmethod
    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_B."""

    @abc.abstractmethod
    def _smaller(self, layout: FeatureLayout) -> Backbone:
        """A fresh backbone of the same spec for a smaller layout."""

    @abc.abstractmethod
    def _cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        """Carry what first meets the input into `small`: the kept `columns`, the rest at `baseline_C`."""

    def pruned(self, names: Collection[str], baseline_C: torch.Tensor) -> Backbone:
        """A physically smaller copy for the named features, as if every other column stood at `baseline_C`.

        Exact where the first operation on the input is linear; a subclass that is not says how close it comes.

        Raises:
            KeyError: a name that the layout doesn't have.
        """
        kept = self.layout.columns(names)
        gone = sorted(set(range(self.layout.total)) - set(kept))
        device = baseline_C.device
        small = self._smaller(self.layout.keep(names)).to(device)
        with torch.no_grad():
            same = self.state_dict()
            for name, tensor in small.state_dict().items():
                if name in same and same[name].shape == tensor.shape:
                    tensor.copy_(same[name])
            self._cut(small, torch.tensor(kept, device=device), torch.tensor(gone, device=device).long(), baseline_C)
        small.train(self.training)
        return small


def perceptron(width: int, hidden: Sequence[int], *, dropout: float, batch_norm: bool) -> nn.Sequential:
    """Linear (→ batch norm) → ReLU (→ dropout) for each hidden size. The first module is the first linear one."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers.append(nn.Linear(width, size))
        if batch_norm:
            layers.append(nn.BatchNorm1d(size))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = size
    return nn.Sequential(*layers)


def cut_linear(
    source: nn.Linear, target: nn.Linear, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor
) -> None:
    """W x + b with the columns `gone` fixed at the baseline: their share W x̄ moves into the bias, exactly."""
    target.weight.copy_(source.weight[:, columns])
    target.bias.copy_(source.bias + source.weight[:, gone] @ baseline_C[gone])
