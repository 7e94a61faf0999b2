"""The LeAP gate: learnable adaptive permutation (LeAP §3), usable on any model with a concatenated input.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from sharding.layout import FeatureLayout
from trainers.spec import LeapSpec

# Beyond σ(±8) a gate is 0 or 1 for every purpose; holding θ there keeps it able to come back.
SATURATION = 8.0


class LeapGate(nn.Module):
    """Mixes every feature with a permuted copy of itself, by a learned gate, and prices the gates.

    In training, x̃_i = g_i x_i + (1 − g_i) sg(x'_i) with g_i = σ(θ_i/τ) (LeAP §3.1) and x' permuted over the
    batch, independently per feature. In evaluation the running mean of x_i stands for x'_i, so that an output
    depends on its own row alone.

    Args:
        layout: names and dims of the F features in the C columns.
        config: temperature, penalty, momentum, clipping; see `LeapSpec`.
        essential: names whose gate is held at 1 and not penalized.

    Example:
        >>> gate = LeapGate(FeatureLayout.from_dims({"user": 16, "age": 1}))
        >>> x_BC = torch.randn(8, 17)
        >>> gate(x_BC).shape, gate.penalty().shape, gate.scores().shape
        (torch.Size([8, 17]), torch.Size([]), torch.Size([2]))
    """

    theta: nn.Parameter
    divergence_F: torch.Tensor
    mean_C: torch.Tensor
    alpha: torch.Tensor
    seen: torch.Tensor
    dims_F: torch.Tensor
    feature_C: torch.Tensor
    learned_F: torch.Tensor

    def __init__(
        self, layout: FeatureLayout, config: LeapSpec | None = None, *, essential: Collection[str] = ()
    ) -> None:
        super().__init__()
        self.layout = layout
        self.config = config or LeapSpec()
        unknown = sorted(set(essential) - set(layout.names))
        if unknown:
            raise ValueError(f"essential: {unknown[0]!r} is not a feature of the layout; name one of its features")
        initial = torch.full((len(layout),), self.config.initial_gate).logit() * self.config.temperature
        self.theta = nn.Parameter(initial)
        self.register_buffer("divergence_F", torch.zeros(len(layout)))
        self.register_buffer("mean_C", torch.zeros(layout.total))
        self.register_buffer("alpha", torch.tensor(self.config.alpha))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        dims_F = torch.tensor(layout.dims)
        self.register_buffer("dims_F", dims_F, persistent=False)
        self.register_buffer("feature_C", torch.arange(len(layout)).repeat_interleave(dims_F), persistent=False)
        learned = torch.tensor([name not in set(essential) for name in layout.names])
        self.register_buffer("learned_F", learned, persistent=False)

    def gates(self) -> torch.Tensor:
        """g_F, differentiable in θ."""
        return torch.where(self.learned_F, torch.sigmoid(self.theta / self.config.temperature), 1.0)

    def scores(self) -> torch.Tensor:
        """g_F, detached: higher is more needed."""
        return self.gates().detach()

    def forward(self, x_BC: torch.Tensor, *, frozen: bool = False) -> torch.Tensor:
        """x̃_BC. With `frozen`, gradients reach x alone: the weights' pass of bilevel.

        Raises:
            ValueError: in training, a batch of fewer than two rows, which can't be permuted, or a wrong width.
        """
        if x_BC.shape[1] != self.layout.total:
            raise ValueError(f"x has {x_BC.shape[1]} columns and the layout {self.layout.total}; build one for this x")
        if not self.training:
            return self.interpolate(x_BC, self.gates())
        if x_BC.shape[0] < 2:
            raise ValueError(f"a batch of {x_BC.shape[0]} can't be permuted; train with batches of at least 2 rows")
        shuffled_BC = self.permute(x_BC.detach())
        self._observe(x_BC.detach(), shuffled_BC)
        gate_F = self.scores() if frozen else self.gates()
        return torch.lerp(shuffled_BC, x_BC, gate_F[self.feature_C])

    def forward_held_out(self, x_BC: torch.Tensor) -> torch.Tensor:
        """x̃_BC on held-out rows, where bilevel learns the gates: differentiable in θ, statistics left alone.

        With `stand_in: blended`, what stands in for x_i is x̄_i + g_i (x'_i − x̄_i): a permuted value while the gate is
        open, the running mean, as in evaluation and pruning, as it closes. What was memorized adds noise of variance
        g² to held-out predictions, and a permuted stand-in (1 − g)²: their sum is least at 0.5, where such gates
        stay. Blended, it is g² + g²(1 − g)², which falls all the way to 0.
        """
        gate_F = self.gates()
        other_BC = self.permute(x_BC)
        if self.config.stand_in == "blended":
            other_BC = torch.lerp(self.mean_C, other_BC, gate_F.detach()[self.feature_C])
        return torch.lerp(other_BC, x_BC, gate_F[self.feature_C])

    def interpolate(self, x_BC: torch.Tensor, gate_F: torch.Tensor) -> torch.Tensor:
        """g x + (1 − g) x̄ for given gates: deterministic, each row on its own. Hard gates replace features whole."""
        return torch.lerp(self.mean_C, x_BC, gate_F[self.feature_C])

    def permute(self, x_BC: torch.Tensor) -> torch.Tensor:
        """Each feature's rows moved among the batch, independently per feature (LeAP Algorithm 1).

        A random order of the rows, cyclically shifted by a random 1 … B−1 for each feature: no row keeps its own
        value, all other rows are equally likely, and rows may come in any order.
        """
        rows, device = x_BC.shape[0], x_BC.device
        order_B = torch.randperm(rows, device=device)
        shift_F = torch.randint(1, rows, (len(self.layout),), device=device)
        place_BF = torch.arange(rows, device=device)[:, None] + shift_F
        source_BF = torch.empty_like(place_BF).index_copy_(0, order_B, order_B[place_BF.remainder_(rows)])
        moved = []
        for features, columns, dim in self.layout.runs:
            width = features.stop - features.start
            row_Bn = source_BF[:, features] * width + torch.arange(width, device=device)
            table = x_BC[:, columns].reshape(rows * width, dim)
            moved.append(nn.functional.embedding(row_Bn, table).view(rows, width * dim))
        return moved[0] if len(moved) == 1 else torch.cat(moved, 1)

    def divergence(self, x_BC: torch.Tensor, shuffled_BC: torch.Tensor) -> torch.Tensor:
        """Δ_F = mean over rows of ‖x_i − x'_i‖₂ (LeAP §3.2)."""
        difference_BC = x_BC - shuffled_BC
        norms = []
        for _, columns, dim in self.layout.runs:
            difference_Bnd = difference_BC[:, columns].reshape(len(x_BC), -1, dim)
            norms.append(torch.linalg.vector_norm(difference_Bnd, dim=-1).mean(0))
        return norms[0] if len(norms) == 1 else torch.cat(norms)

    def penalty(self) -> torch.Tensor:
        """Σ λ_i g_i over the learned gates; λ_i = α clip(Δ̄_i), or α for the uniform base version (LeAP §3.2)."""
        weight_F = self.penalty_weights()
        return (weight_F * self.gates()).sum()

    def penalty_weights(self) -> torch.Tensor:
        """λ_F, zero for essential features."""
        if self.config.penalty == "uniform":
            return self.alpha * self.learned_F
        return self.alpha * self.divergence_F.clamp(*self.config.clip) * self.learned_F

    @torch.no_grad()
    def after_step(self, gain: float = 0.0) -> None:
        """After a step of θ: hold it where it can still move, and steer α where a share of dims is the target.

        The controller is multiplicative: log α grows by `gain` times the excess over the target, of the share of
        dims whose gates stand above 0.5. Features leave in the order of their worth while it grows.
        """
        limit = SATURATION * self.config.temperature
        self.theta.clamp_(-limit, limit)
        if gain and self.config.target_dims is not None:
            share = self.dims_F[self.scores() > 0.5].sum() / self.layout.total
            self.alpha.mul_(torch.exp(gain * (share - self.config.target_dims)))

    def _observe(self, x_BC: torch.Tensor, shuffled_BC: torch.Tensor) -> None:
        """Move the averages by this batch: Δ̄ ← β Δ̄ + (1 − β) Δ (LeAP §3.2); the first batch sets them."""
        with torch.no_grad():
            weight = torch.where(self.seen == 0, 1.0, 1.0 - self.config.ema)
            self.divergence_F.lerp_(self.divergence(x_BC, shuffled_BC), weight)
            self.mean_C.lerp_(x_BC.mean(0), weight)
            self.seen.add_(1)
