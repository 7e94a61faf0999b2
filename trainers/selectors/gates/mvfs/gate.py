"""The gate of MvFS: Multi-view Feature Selection for Recommender System (Lee, Jeong, Park and Kang, CIKM 2023,
arXiv:2309.02064).

K sub-networks, each a view, weigh the N fields of a row, C_k = softmax(W_k e + b_k). A controller mixes the views of
the row, r = softmax(W_g [C_1, …, C_K] + b_g) and I = Σ_k r_k C_k, so that rows of rare patterns have a view of their
own. Each field is then opened by its own importance, s_n = ½(1 + tanh(τ(I_n − l))), without competing for a sum,
and multiplied by s_n. τ rises while the gates are learned: selection goes from soft to hard. The model is trained
without the controller first.

The paper assumes fields of one dim. Here a view reads all C columns, whatever the dims, normalized by column. I is
multiplied by N, so that l and τ mean the same for 10 features and for 500: equal importances are 1.

Shapes: B rows, F features, C = Σ dims columns, K views.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.controller_gate import ControllerGate
from trainers.selectors.gates.mvfs import MvFsSpec


class MvFsGate(ControllerGate):
    """Gates of a row's features by several views, mixed."""

    sharpness: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: MvFsSpec,
        *,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.views, self.threshold = config.views, config.threshold
        self.first, self.last = config.initial_sharpness, config.final_sharpness
        self.networks = nn.Linear(layout.total, self.views * len(layout))
        self.mixer = nn.Linear(self.views * len(layout), self.views)
        self.learned = int(self.learned_F.sum())
        self.register_buffer("sharpness", torch.tensor(self.first))

    def importances(self, x_BC: torch.Tensor) -> torch.Tensor:
        """N · I_BF: 1 where all are equal."""
        view_BKF = self.softmax(self.networks(self.normalize(x_BC)).unflatten(-1, (self.views, -1)))
        mix_BK = self.mixer(view_BKF.flatten(1)).softmax(-1)
        return self.learned * torch.einsum("bk,bkf->bf", mix_BK, view_BKF)

    def weights(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        return 0.5 * (1.0 + torch.tanh(self.sharpness * (self.importances(x_BC) - self.threshold)))

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        super().after_step(step, total)
        self.sharpness.fill_(self.first + (self.last - self.first) * step / max(1, total))
