"""FeatNet over features of any dims.

Shapes: B rows, F features, C = Σ dims columns, K factors, R units of expansion, S subsets, E queries, T labels.
"""

from __future__ import annotations

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone, perceptron
from trainers.models.backbones.factors import new_projection, pair_indices, project
from trainers.models.backbones.featnet import FeatNetSpec
from trainers.selectors.base import Interaction

NAMED = 20  # features of a subset that a diagnostic names


def soft_threshold(p: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """sign(p) · ReLU(|p| − σ(τ)) (Eq. 4): what is smaller than its threshold becomes 0."""
    return p.sign() * torch.relu(p.abs() - torch.sigmoid(threshold))


class FeatNet(Backbone):
    """logit = W_o · [MLP_s(X'_s) of each subset s] + b (Eqs. 14 and 15), over features v_i = P_i x_i of K factors.

    Feature subset generation gives feature i the share p_si in subset s (Eqs. 2 to 5). Within each subset,
    set-attentive pruning forms E combinations, X'_se = Σ_i a_sei p_si v_i, a learned query for each (Eqs. 11 to 13).
    Shares and attention below their learned thresholds are 0, so both depend on the row.

    W_K and the queries are those of all subsets, as the paper writes them. Subset weights begin above 0: a subset whose
    weights all begin below would be empty for every row, and stay so.
    """

    spec: FeatNetSpec

    def __init__(self, layout: FeatureLayout, spec: FeatNetSpec, labels: int = 1) -> None:
        super().__init__(layout, spec, labels)
        size, features = spec.factors, len(layout)
        self.projection_CK = new_projection(layout, size)
        self.expand_RK = nn.Parameter(torch.randn(spec.expansion, size) * size**-0.5)
        self.share_SR = nn.Parameter(torch.rand(spec.subsets, spec.expansion) * 4 / spec.expansion)
        self.threshold_SF = nn.Parameter(torch.full((spec.subsets, features), spec.threshold_start))
        self.key_KK = nn.Parameter(torch.randn(size, size) * size**-0.5)
        self.query_EK = nn.Parameter(torch.randn(spec.queries, size) * size**-0.5)
        self.threshold_SEF = nn.Parameter(torch.full((spec.subsets, spec.queries, features), spec.threshold_start))
        width = spec.queries * size
        self.deep = nn.ModuleList(
            perceptron(width, spec.hidden, dropout=spec.dropout, batch_norm=spec.batch_norm)
            for _ in range(spec.subsets)
        )
        self.out = nn.Linear(spec.subsets * (spec.hidden[-1] if spec.hidden else width), labels)

    def forward(self, x_BC: torch.Tensor) -> torch.Tensor:
        """logits_BT."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        weight_BSEF = self._combine(v_BFK, self._share(v_BFK))
        combined_BSEK = torch.einsum("bsef,bfk->bsek", weight_BSEF, v_BFK)
        parts = [deep(combined_BSEK[:, s].flatten(1)) for s, deep in enumerate(self.deep)]
        logits_BT: torch.Tensor = self.out(torch.cat(parts, 1))
        return logits_BT

    def _share(self, v_BFK: torch.Tensor) -> torch.Tensor:
        """p_BSF, the share of each feature in each subset: 0 where it is pruned (Eqs. 2 to 4)."""
        expanded_BFR = torch.sigmoid(v_BFK @ self.expand_RK.T)
        p_BFS = torch.relu(expanded_BFR @ self.share_SR.T)
        return soft_threshold(p_BFS.mT, self.threshold_SF)

    def _combine(self, v_BFK: torch.Tensor, p_BSF: torch.Tensor) -> torch.Tensor:
        """a_sei p_si (B × S × E × F), the weight of each feature in each combination (Eqs. 11 to 13).

        The keys of a subset are p_si W_K v_i and no p is below 0, so ReLU(q · key) = p_si ReLU(q · W_K v_i).
        """
        attention_BEF = torch.relu(self.query_EK @ self.key_KK @ v_BFK.mT)
        attention_BSEF = p_BSF[:, :, None] * attention_BEF[:, None]
        return soft_threshold(attention_BSEF, self.threshold_SEF) * p_BSF[:, :, None]

    def observe(self, x_BC: torch.Tensor) -> dict[str, torch.Tensor]:
        """Rows with a feature in a subset (S × F), combinations by their number of features (F + 1), and the size of
        the product of two features' parts in a combination (F × F); means over the rows and the combinations."""
        v_BFK = project(self.layout, x_BC, self.projection_CK)
        p_BSF = self._share(v_BFK)
        weight_NF = self._combine(v_BFK, p_BSF).movedim(0, 2).flatten(0, 2)
        norm_NF = v_BFK.norm(dim=2).repeat(self.spec.subsets * self.spec.queries, 1)
        orders = torch.bincount((weight_NF > 0).sum(1), minlength=len(self.layout) + 1)
        part_NF = weight_NF * norm_NF
        return {
            "members_SF": (p_BSF > 0).to(x_BC.dtype).mean(0),
            "orders": orders / len(weight_NF),
            "pairs_FF": part_NF.T @ part_NF / len(part_NF),
        }

    def interactions(self) -> tuple[Interaction, ...]:
        """Pairs by the mean product of |a_sei p_si v_i| and |a_sej p_sj v_j| over rows and combinations."""
        if "pairs_FF" not in self.observed:
            return ()
        pairs_FF, names = self.observed["pairs_FF"], self.layout.names
        found = [
            Interaction(features=(names[i], names[j]), importance=float(pairs_FF[i, j]))
            for i, j in pair_indices(self.layout).T.tolist()
        ]
        return tuple(sorted(found, key=lambda each: -each.importance))

    def diagnostics(self) -> dict[str, float | bool | str]:
        """The share pruned of the subsets' features, each subset's, and how many features the combinations have."""
        if "members_SF" not in self.observed:
            return {}
        members_SF, orders = self.observed["members_SF"], self.observed["orders"]
        pruned_S = 1 - members_SF.mean(1)
        said: dict[str, float | bool | str] = {
            "featnet_pruned": float(pruned_S.mean()),
            "featnet_orders": "; ".join(
                f"{order}: {share:.1%}" for order, share in enumerate(orders.tolist()) if share >= 0.0005
            ),
        }
        for number, (pruned, member_F) in enumerate(zip(pruned_S.tolist(), members_SF, strict=True), 1):
            members = [name for name, share in zip(self.layout.names, member_F.tolist(), strict=True) if share >= 0.5]
            more = f" and {len(members) - NAMED} more" if len(members) > NAMED else ""
            said[f"featnet_subset_{number}"] = f"{pruned:.1%} pruned; {' '.join(members[:NAMED]) or 'none'}{more}"
        return said
