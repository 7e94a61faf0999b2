"""FiiNet over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, N crosses, D squeezed units, T labels.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, deep_network
from trainers.models.backbones.factors import new_projection, project
from trainers.models.backbones.fiinet import FiiNetSpec
from trainers.selectors.base import Interaction


class SelectiveCrosses(nn.Module):
    """V_c = a_c w_c (e_i ∘ e_j …), all pairs and then all triples, each with an attention weight of the row.

    Split: the crosses U_c = w_c e_i ∘ e_j and w_c e_i ∘ e_j ∘ e_k (Eqs. 1 and 2). Fuse: z_c is the mean of U_c over its
    K coordinates, s = ReLU(W z) (Eqs. 3 and 4). Select: a_c = e^{A_c s} / (e^{A_c s} + e^{B_c s}) (Eqs. 5 and 6).

    Pairs and triples differ in number, so a branch has every cross as a channel and is 0 at those of the other
    order. Their sum is then the list of all crosses, and each has the weight of its own branch, a_c or b_c = 1 − a_c.
    As the paper says, B is redundant: the difference of A and B, and for triples its sign, are one matrix. A acts on
    the squeezed vector, as in selective kernel networks (Li et al. 2019), whose A is the second layer of Eq. 4.
    """

    def __init__(self, features: int, spec: FiiNetSpec) -> None:
        super().__init__()
        self.members = [list(combinations(range(features), order)) for order in spec.orders]
        for order, members in zip(spec.orders, self.members, strict=True):
            index = torch.tensor(members, dtype=torch.long).reshape(-1, order).T
            self.register_buffer(f"members_{order}", index, persistent=False)
        crosses = sum(map(len, self.members))
        units = spec.units(crosses)
        self.orders = spec.orders
        self.scale_N = nn.Parameter(torch.ones(crosses))
        self.squeeze_DN = nn.Parameter(torch.randn(units, crosses) * max(1, crosses) ** -0.5)
        self.select_ND = nn.Parameter(torch.randn(crosses, units) * units**-0.5)

    def split(self, e_BFK: torch.Tensor) -> torch.Tensor:
        """U_BNK."""
        crosses = [e_BFK[:, getattr(self, f"members_{order}")].prod(1) for order in self.orders]
        return torch.cat(crosses, 1) * self.scale_N[:, None]

    def select(self, u_BNK: torch.Tensor) -> torch.Tensor:
        """The attention weight of each cross (B × N), in (0, 1)."""
        squeezed_BD = torch.relu(u_BNK.mean(2) @ self.squeeze_DN.T)
        return torch.sigmoid(squeezed_BD @ self.select_ND.T)

    def forward(self, e_BFK: torch.Tensor) -> torch.Tensor:
        """V_BNK."""
        u_BNK = self.split(e_BFK)
        return self.select(u_BNK)[:, :, None] * u_BNK


class FiiNet(Backbone):
    """logit = w · x + b + MLP(V) (Eqs. 7 and 8), V the weighted crosses of e_i = P_i x_i of K factors.

    Ablations: without pairs (-S), without triples (-H), or without the selective kernel (-SH), where the perceptron
    reads the e_i.
    """

    spec: FiiNetSpec

    def __init__(self, layout: FeatureLayout, spec: FiiNetSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        self.linear = nn.Linear(layout.total, labels)
        self.projection_CK = new_projection(layout, spec.factors)
        self.crosses = SelectiveCrosses(len(layout), spec) if spec.orders else None
        read = len(layout) if self.crosses is None else len(self.crosses.scale_N)
        self.deep = deep_network(read * spec.factors, spec, labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        e_BFK = project(self.layout, x_BC, self.projection_CK)
        if self.crosses is not None:
            e_BFK = self.crosses(e_BFK)
        linear_BT: torch.Tensor = self.linear(x_BC)
        deep_BT: torch.Tensor = self.deep(e_BFK.flatten(1))
        return linear_BT + deep_BT

    def observe(self, x_BC: torch.Tensor) -> dict[str, torch.Tensor]:
        """Mean attention weight of each cross."""
        if self.crosses is None:
            return {}
        u_BNK = self.crosses.split(project(self.layout, x_BC, self.projection_CK))
        return {"weight_N": self.crosses.select(u_BNK).mean(0)}

    def interactions(self) -> tuple[Interaction, ...]:
        """Pairs and triples by their mean attention weight."""
        if self.crosses is None or "weight_N" not in self.observed:
            return ()
        members = [cross for crosses in self.crosses.members for cross in crosses]
        found = [
            Interaction(features=tuple(self.layout.names[i] for i in cross), importance=weight)
            for cross, weight in zip(members, self.observed["weight_N"].tolist(), strict=True)
        ]
        return tuple(sorted(found, key=lambda each: -each.importance))
