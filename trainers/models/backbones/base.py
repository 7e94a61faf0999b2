"""What a backbone is: from the concatenated input to logits, and how it shrinks with its input.

Shapes: B rows, C = Σ dims columns, T labels.
"""

from __future__ import annotations

import abc
import copy
import warnings
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import nn

from sharding.layout import FeatureLayout, KeptDims
from trainers.models.backbones.spec import BackboneSpec, DeepSpec
from trainers.selectors.base import Interaction


class Backbone(nn.Module, abc.ABC):
    """A ranking network over the concatenation of features of any dims. `forward` is all that a subclass must have.

    Attributes:
        observed: means over the validation rows of what `observe` says of them; empty until the search has ended.
    """

    observed: Mapping[str, torch.Tensor]

    def __init__(self, layout: FeatureLayout, spec: BackboneSpec, labels: int = 1) -> None:
        super().__init__()
        self.layout, self.spec, self.labels = layout, spec, labels
        self.observed = {}

    @abc.abstractmethod
    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""

    def cut(self, small: Backbone, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor) -> None:
        """Make `small`, a fresh backbone of the same options over the kept features, predict as this one does with the
        columns `gone` at `baseline_C`. Tensors of one name and shape are copied already. Of a feature all columns may
        be gone, or some.

        Optional: pruning keeps a backbone that doesn't write it behind a `Scattered` input.
        """
        raise NotImplementedError

    def observe(self, x_BC: torch.Tensor) -> dict[str, torch.Tensor]:
        """Means over these rows of what `interactions` and `diagnostics` need, by name; no shape depends on B."""
        return {}

    def interactions(self) -> tuple[Interaction, ...]:
        """Crosses of features that the network found important, best first; none unless it can tell."""
        return ()

    def diagnostics(self) -> dict[str, float | bool | str]:
        """What else the network says of its crosses, by name; shown beside the selector's diagnostics."""
        return {}

    def pruned(
        self, names: Collection[str], baseline_C: torch.Tensor, kept_dims: KeptDims = MappingProxyType({})
    ) -> Backbone:
        """A copy for the named features, as if every other column stood at `baseline_C`.

        Physically smaller where `cut` is written, exact always unless the subclass says how close it comes.

        Args:
            names: of the features that stay.
            baseline_C: of this backbone's columns.
            kept_dims: of features that keep some of their columns alone, which.

        Raises:
            KeyError: a name that the layout doesn't have.
        """
        kept, layout = self.layout.columns(names, kept_dims), self.layout.keep(names, kept_dims)
        if type(self).cut is Backbone.cut:
            return Scattered(copy.deepcopy(self), kept, layout, baseline_C).train(self.training)
        gone = sorted(set(range(self.layout.total)) - set(kept))
        device = baseline_C.device
        small = self.spec.build(layout, self.labels).to(device)
        with torch.no_grad():
            same = self.state_dict()
            for name, tensor in small.state_dict().items():
                if name in same and same[name].shape == tensor.shape:
                    tensor.copy_(same[name])
            columns = torch.tensor(kept, device=device), torch.tensor(gone, device=device).long()
            self.cut(small, *columns, baseline_C)
        return small.train(self.training)


class Scattered(Backbone):
    """A backbone of all features that is given the kept ones: their columns are scattered into the baseline."""

    baseline_C: torch.Tensor
    columns: torch.Tensor

    def __init__(
        self, whole: Backbone, columns: Sequence[int], layout: FeatureLayout, baseline_C: torch.Tensor
    ) -> None:
        """`columns` of the whole layout are those of `layout`, in its order."""
        super().__init__(layout, whole.spec, whole.labels)
        self.whole = whole
        self.register_buffer("baseline_C", baseline_C.detach().clone())
        self.register_buffer("columns", torch.tensor(columns, device=baseline_C.device))

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT of the kept features' columns."""
        whole_BC = self.baseline_C.expand(len(x_BC), -1).index_copy(1, self.columns, x_BC)
        out: torch.Tensor = self.whole(whole_BC)
        return out

    def interactions(self) -> tuple[Interaction, ...]:
        return self.whole.interactions()

    def pruned(
        self, names: Collection[str], baseline_C: torch.Tensor, kept_dims: KeptDims = MappingProxyType({})
    ) -> Backbone:
        """With fewer columns still; what goes now stands at `baseline_C`, which has this layout's columns."""
        whole_C = self.baseline_C.index_copy(0, self.columns, baseline_C)
        columns = self.columns[self.layout.columns(names, kept_dims)].tolist()
        return Scattered(self.whole, columns, self.layout.keep(names, kept_dims), whole_C).train(self.training)


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


def deep_network(width: int, spec: DeepSpec, labels: int) -> nn.Sequential:
    """The perceptron of the options over `width` columns, and its output: from B × width to logits_BT.

    Of a single feature there is no cross, and a perceptron over 0 columns is a constant.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors", category=UserWarning)
        layers = perceptron(width, spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
        layers.append(nn.Linear(spec.hidden[-1] if spec.hidden else width, labels))
    return layers


def cut_linear(
    source: nn.Linear, target: nn.Linear, columns: torch.Tensor, gone: torch.Tensor, baseline_C: torch.Tensor
) -> None:
    """W x + b with the columns `gone` fixed at the baseline: their share W x̄ moves into the bias, exactly."""
    target.weight.copy_(source.weight[:, columns])
    target.bias.copy_(source.bias + source.weight[:, gone] @ baseline_C[gone])
