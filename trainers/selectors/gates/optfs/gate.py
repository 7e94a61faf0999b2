"""The gate of OptFS: Optimizing Feature Set for Click-Through Rate Prediction (Lyu et al., WWW 2023, arXiv:2301.10909).

Every value of a field, which the paper calls a feature, has a gate of its own that multiplies its embedding. Gates are
learned by continuation: g = σ(τ g_c)/σ(g_c⁽⁰⁾) with τ = γ^(t/T), which rises to a step function, and λ Σ g is added to
the loss, an ℓ₀ norm as τ grows. At the end values with g_c > 0 are kept. Weights and gates are learned together.

Fields are what is pruned here, so that a field's score is the mean gate of its values over rows, whatever their number:
the share of rows in which the field says something that is kept.

- An id's gate is that of its table row, modulo `values`. A list is masked by the mean gate of its ids, since
  the pooled vector is what a gate sees; an empty list has nothing to mask.
- A number is cut into `buckets` at quantiles of the normal distribution, as it is standardized; a vector has one gate.
- A field's gates cost α together, each 1/n of it, so that a field with many values doesn't cost more.
- The factor 1/σ(g_c⁽⁰⁾), by which gates begin at 1, is left out: gates end at 0 or 1, as the model that goes on has
  none.

The paper assumes embeddings of one dim; a gate masks all columns of a feature, whatever their number.

Shapes: B rows, F features, C = Σ dims columns, K features of ids, D scalar dense features, G gates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn
from torch.nn import functional

from sharding.layout import FeatureLayout
from trainers.models.baseline import Baseline
from trainers.selectors.gates.base import GateContext
from trainers.selectors.gates.optfs import OptFsSpec
from trainers.selectors.gates.row_gate import RowGate


class OptFsGate(RowGate):
    """A gate for each value.

    Args:
        rows: rows of the tables, of the features that have ids; all others are dense.

    Raises:
        ValueError: features have ids, and there is no context that carries the batch.
    """

    raw_G: nn.Parameter
    temperature: torch.Tensor
    begin_F: torch.Tensor
    count_F: torch.Tensor

    def __init__(
        self,
        layout: FeatureLayout,
        config: OptFsSpec,
        *,
        rows: Mapping[str, int] | None = None,
        essential: Collection[str] = (),
        baseline: Baseline | None = None,
    ) -> None:
        super().__init__(layout, config, essential=essential, baseline=baseline)
        self.alpha, self.last, self.buckets = config.alpha, config.final_temperature, config.buckets
        self.tables = dict(rows or {})
        self.scalars = [at for at, name in enumerate(layout.names) if name not in self.tables and layout.dims[at] == 1]
        counts = [
            min(self.tables[name], config.values) if name in self.tables else self.buckets if dim == 1 else 1
            for name, dim in zip(layout.names, layout.dims, strict=True)
        ]
        count_F = torch.tensor(counts)
        self.register_buffer("count_F", count_F, persistent=False)
        self.register_buffer("begin_F", count_F.cumsum(0) - count_F, persistent=False)
        self.raw_G = nn.Parameter(torch.full((sum(counts),), config.initial_gate))
        self.register_buffer("temperature", torch.tensor(1.0))
        self.position = {name: at for at, name in enumerate(layout.names)}

    def value_gates(self) -> torch.Tensor:
        """σ(τ g_c) of every value (G), differentiable."""
        return torch.sigmoid(self.temperature * self.raw_G)

    def weights(self, x_BC: torch.Tensor, context: GateContext | None) -> torch.Tensor:
        gate_G = self.value_gates()
        weight_FB = gate_G[self.begin_F][:, None].expand(-1, len(x_BC)).clone()
        if self.scalars:
            weight_FB[self.scalars] = functional.embedding(self._buckets_of(x_BC), gate_G[:, None])[..., 0]
        if self.tables:
            if context is None:
                raise ValueError("the gate masks ids, which are in the batch; give the context that carries it")
            keys, weight_KB = self._weights_of_ids(context, gate_G)
            weight_FB[keys] = weight_KB
        weight_BF: torch.Tensor = weight_FB.T
        return weight_BF

    def _buckets_of(self, x_BC: torch.Tensor) -> torch.Tensor:
        """Which gate a number has, (D × B)."""
        columns = [self.layout.offsets[at][0] for at in self.scalars]
        share_DB: torch.Tensor = torch.special.ndtr(x_BC.detach()[:, columns].T)
        return (share_DB * self.buckets).long().clamp_(0, self.buckets - 1) + self.begin_F[self.scalars][:, None]

    def _weights_of_ids(self, context: GateContext, gate_G: torch.Tensor) -> tuple[list[int], torch.Tensor]:
        """The features of ids and the mean gates of their ids, (K × B); 1 where there is none."""
        sparse = context.batch.sparse
        batch_keys: list[str] = sparse.keys()
        keys = [self.position[name] for name in batch_keys]
        lengths_KB, values_V = sparse.lengths().view(len(keys), -1), sparse.values()
        segment_V = torch.arange(lengths_KB.numel(), device=values_V.device).repeat_interleave(lengths_KB.reshape(-1))
        feature_V = torch.tensor(keys, device=values_V.device)[segment_V // lengths_KB.shape[1]]
        gate_V = functional.embedding(self.begin_F[feature_V] + values_V % self.count_F[feature_V], gate_G[:, None])
        sum_KB = gate_G.new_zeros(lengths_KB.numel()).index_add(0, segment_V, gate_V[:, 0]).view_as(lengths_KB)
        return keys, torch.where(lengths_KB > 0, sum_KB / lengths_KB.clamp_min(1), 1.0)

    def regularizer(self) -> torch.Tensor:
        """α Σ over the learned features of their values' mean gate."""
        owner_G = torch.arange(len(self.layout), device=self.count_F.device).repeat_interleave(self.count_F)
        penalty_F = self.alpha * self.learned_F / self.count_F
        return (penalty_F[owner_G] * self.value_gates()).sum()

    @torch.no_grad()
    def after_step(self, step: int, total: int) -> None:
        self.temperature.fill_(self.last ** (step / max(1, total)))
