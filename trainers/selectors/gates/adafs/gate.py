"""The gate of AdaFS: Adaptive Feature Selection in Deep Recommender System (Lin, Zhao, Wang, Xu and Wu, KDD 2022).

Embeddings are normalized by batch norm, so that weights of fields can be compared, and a controller, an MLP over all of
them, weighs the N fields of each row: w = softmax(MLP(ê)), Σ w = 1. Soft selection multiplies each field by
its weight; hard selection keeps the k fields of the greatest weights, whose weights are scaled to add up to 1.
The model is trained without the controller first, then the controller learns on held-out rows, in turns with the
model.

The paper assumes fields of one dim, normalized together. Here each column is normalized on its own, whatever the dims,
and for the controller alone: the model that goes on after pruning has no such layer. Weights are multiplied by N, or k,
so that equal ones leave x as it is, and the model that goes on without the controller is that of equal weights. The
controller's last layer begins at 0: all weights are equal then.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.adafs import AdaFsSpec
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.controller_gate import ControllerGate


class AdaFsGate(ControllerGate):
    """Weights of a row's features by one controller."""

    def __init__(
        self,
        layout: FeatureLayout,
        config: AdaFsSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        last = nn.Linear(config.hidden, len(layout))
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.controller = nn.Sequential(nn.Linear(layout.total, config.hidden), nn.ReLU(), last)
        self.learned = int(self.learned_F.sum())
        self.top_k = None if config.top_k is None else min(config.top_k, max(1, self.learned))

    def weights(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        weight_BF = self.softmax(self.controller(self.normalize(x_BC)))
        if self.top_k is None:
            return weight_BF
        best_Bk = weight_BF.topk(self.top_k, -1).indices
        kept_BF = torch.zeros_like(weight_BF).scatter_(-1, best_Bk, weight_BF.gather(-1, best_Bk))
        return kept_BF / kept_BF.sum(-1, keepdim=True)

    def gates_of(self, weight_BF: torch.Tensor) -> torch.Tensor:
        return weight_BF * (self.top_k or self.learned)
