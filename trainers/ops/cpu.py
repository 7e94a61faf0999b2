"""Mixing on the CPU: compiled kernels as differentiable functions.

Nothing of B × C is made that isn't an output, nor any index of B × F: the backward pass permutes x again.

Shapes: B rows, F features, C = Σ dims columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from sharding.layout import FeatureLayout
from trainers.ops import kernels
from trainers.ops.buffers import Buffers
from trainers.ops.kernels import Array
from trainers.ops.shuffle import Shuffle
from trainers.ops.threads import run_parts

# A strip of this many columns and the rows of a block fill about half of a second-level cache of 512 KiB.
STRIP_COLUMNS = 1024

# The mixture, Δ_F, the mean of the squares, the columns' means.
Mixed = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Call:
    """What the kernels of one call share."""

    columns: kernels.Columns
    rows: kernels.Rows
    width: int
    buffers: Buffers

    @classmethod
    def of(cls, layout: FeatureLayout, shuffle: Shuffle, buffers: Buffers) -> Call:
        columns, width = _plan(layout)
        order, bounds, shift = (
            tensor.numpy().ravel().astype(np.uint64) for tensor in (shuffle.order_B, shuffle.bounds, shuffle.shift_KF)
        )
        return cls(columns, (order, bounds, shift), width, buffers)

    def tile(self, dtype: Any) -> Array:
        rows = int(np.diff(self.rows[1]).max())
        return np.empty((rows + 1, self.width), dtype)

    @property
    def strips(self) -> int:
        return len(self.columns[2]) - 1


@lru_cache(maxsize=64)
def _plan(layout: FeatureLayout) -> tuple[kernels.Columns, int]:
    """Pieces and strips of a layout, and the width of the widest strip."""
    pieces, strips, first = [0], [0], 0
    for feature, (begin, end) in enumerate(layout.offsets):
        begins_strip = feature > 0 and end - first > STRIP_COLUMNS
        if begins_strip:
            strips.append(len(pieces))
            first = begin
        is_scalar = end - begin == 1 and layout.dims[max(0, feature - 1)] == 1
        if feature > 0 and (begins_strip or not is_scalar):
            pieces.append(feature)
    strips.append(len(pieces))
    pieces.append(len(layout))
    start = [begin for begin, _ in layout.offsets] + [layout.total]
    width = max(start[pieces[end]] - start[pieces[begin]] for begin, end in pairwise(strips))
    return (np.array(start, np.uint64), np.array(pieces, np.uint64), np.array(strips, np.uint64)), width


def mix(x_BC: torch.Tensor, gate_F: torch.Tensor, shuffle: Shuffle, layout: FeatureLayout, buffers: Buffers) -> Mixed:
    """See `trainers.ops.mix.Mixer.mix`: the mixture, Δ_F, the mean of the squares, the columns' means."""
    call = Call.of(layout, shuffle, buffers)
    mixed: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor] = _Mix.apply(
        x_BC.contiguous(), gate_F.to(x_BC), call
    )  # type: ignore[no-untyped-call]
    return mixed


def mix_held_out(
    x_BC: torch.Tensor,
    gate_F: torch.Tensor,
    shuffle: Shuffle,
    layout: FeatureLayout,
    buffers: Buffers,
    share_F: torch.Tensor,
    mean_C: torch.Tensor,
) -> torch.Tensor:
    """See `trainers.ops.mix.Mixer.mix_held_out`."""
    call = Call.of(layout, shuffle, buffers)
    share = share_F.detach().to(x_BC).numpy()
    rest = (1 - np.repeat(share, layout.dims)) * mean_C.detach().to(x_BC).numpy()
    mixed: torch.Tensor = _MixHeldOut.apply(x_BC.contiguous(), gate_F.to(x_BC), call, share, rest)  # type: ignore[no-untyped-call]
    return mixed


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BC: torch.Tensor, gate_F: torch.Tensor, call: Call) -> Mixed:
        out_BC = call.buffers.empty(len(x_BC), x_BC.shape[1], x_BC.dtype)
        norm_2F, sum_C = np.zeros((2, len(gate_F))), np.zeros(x_BC.shape[1])
        x, gate, out = x_BC.numpy().ravel(), gate_F.numpy(), out_BC.numpy().ravel()

        def run(part: int, parts: int) -> None:
            tile = call.tile(x.dtype)
            kernels.mix(x, call.rows, call.columns, gate, tile, out, norm_2F, sum_C, (part, parts))

        run_parts(run, call.strips)
        rows = len(x_BC)
        divergence_F, square_F, mean_C = (torch.from_numpy(total / rows).to(x_BC.dtype) for total in (*norm_2F, sum_C))
        ctx.save_for_backward(x_BC, gate_F)
        ctx.call = call
        ctx.mark_non_differentiable(divergence_F, square_F, mean_C)
        return out_BC, divergence_F, square_F, mean_C

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BC: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x_BC, gate_F = ctx.saved_tensors
        share, rest = np.ones_like(gate_F.numpy()), np.zeros(x_BC.shape[1], gate_F.numpy().dtype)
        return *_gradients(ctx, gradient_BC, x_BC, (gate_F.numpy(), share, rest)), None


class _MixHeldOut(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_BC: torch.Tensor, gate_F: torch.Tensor, call: Call, share: Array, rest: Array
    ) -> torch.Tensor:
        out_BC = call.buffers.empty(len(x_BC), x_BC.shape[1], x_BC.dtype)
        x, out = x_BC.numpy().ravel(), out_BC.numpy().ravel()
        weights = (gate_F.numpy(), share, rest)

        def run(part: int, parts: int) -> None:
            tile = call.tile(x.dtype)
            kernels.mix_held_out(x, call.rows, call.columns, weights, tile, out, (part, parts))

        run_parts(run, call.strips)
        ctx.save_for_backward(x_BC, gate_F)
        ctx.call, ctx.weights = call, weights
        return out_BC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BC: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x_BC, _ = ctx.saved_tensors
        return *_gradients(ctx, gradient_BC, x_BC, ctx.weights), None, None, None


def _gradients(
    ctx: Any, gradient_BC: torch.Tensor, x_BC: torch.Tensor, weights: kernels.Weights
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Of x and of g, where they are asked for."""
    call, (needs_x, needs_gate) = ctx.call, ctx.needs_input_grad[:2]
    into_BC = call.buffers.empty(len(x_BC), x_BC.shape[1], x_BC.dtype) if needs_x else None
    if not needs_gate:
        if into_BC is not None:
            dims = np.diff(call.columns[0].astype(np.int64))
            torch.mul(gradient_BC, torch.from_numpy(np.repeat(weights[0], dims)), out=into_BC)
        return into_BC, None
    sum_F = np.zeros(len(weights[0]))
    gradient, x = gradient_BC.contiguous().numpy().ravel(), x_BC.numpy().ravel()
    into = None if into_BC is None else into_BC.numpy().ravel()

    def run(part: int, parts: int) -> None:
        tile = call.tile(x.dtype)
        kernels.backward(gradient, x, call.rows, call.columns, weights, tile, into, sum_F, (part, parts))

    run_parts(run, call.strips)
    return into_BC, torch.from_numpy(sum_F).to(x_BC.dtype)
