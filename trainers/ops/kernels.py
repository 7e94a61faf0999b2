"""The kernels of mixing for the CPU, compiled by numba. One thread each; callers give threads shares of the columns.

Columns are taken in strips, and rows in the blocks of the shuffle: a block's strip is copied to `tile`, which stays in
the second-level cache, and all that reads rows in another order reads it there. Each byte of x comes from memory once.
Neighbours of dim 1 are one loop. Indices are unsigned: numba would ask of signed ones whether they are negative, and
loops that ask aren't vectorized. Sums over rows are made in the order of the rows, whatever the number of threads.

Shapes: B rows, F features, C = Σ dims columns, K blocks, T rows of the largest block, W columns of the widest strip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import uint64
from numpy.typing import NDArray

Array = NDArray[Any]
# Sums may be taken in any order, so that they can be vectorized; numbers that aren't finite stay what they are.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
ZERO, ONE = uint64(0), uint64(1)

# Plain tuples of arrays, all of unsigned integers but the last: a class among the arguments would be looked up by name
# in kernels that an earlier version compiled.
#
# Columns: `start`, of each feature and the end; `piece`, the first feature of each piece and the end, where a piece is
# a feature, or neighbours of dim 1; `strip`, the first piece of each strip and the end.
Columns = tuple[Array, Array, Array]
# Rows, the shuffle: `order` of B rows, `bounds` of K blocks, `shift` of K × F, one block's after another.
Rows = tuple[Array, Array, Array]
# Weights of g x + (1 − g) r with r = s x' + rest: `gate` and `share` have g and s of F features, `rest` C columns.
Weights = tuple[Array, Array, Array]


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compiled at its first call, or loaded from what an earlier process compiled.

    Without the interpreter's lock, so that threads run side by side. Where neither the folder of this file nor the
    user's cache can be written, each process compiles anew.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": FASTMATH, "error_model": "numpy", "boundscheck": False}
    try:
        found: Callable[..., None] = numba.njit(function, cache=True, **options)
    except RuntimeError:
        found = numba.njit(function, **options)
    return found


@compiled
def load(x: Array, stride: Any, rows: Rows, block: Any, first: Any, last: Any, tile: Array) -> None:
    """A block's rows of the columns [first, last), in the order of the shuffle, one row of the tile each."""
    width = uint64(tile.shape[1])
    order, bounds, _ = rows
    flat = tile.ravel()
    begin, end = bounds[block], bounds[block + ONE]
    for place in range(ZERO, end - begin):
        source = order[begin + place] * stride + first
        target = place * width
        for column in range(ZERO, last - first):
            flat[target + column] = x[source + column]


@compiled
def add_columns(tile: Array, count: Any, first: Any, last: Any, partial: Array, sum_C: Array) -> None:
    """Add the tile's first `count` rows to the sums: in x's precision within the block, in float64 over blocks."""
    width = uint64(tile.shape[1])
    flat = tile.ravel()
    for column in range(ZERO, last - first):
        partial[column] = 0
    for place in range(ZERO, count):
        source = place * width
        for column in range(ZERO, last - first):
            partial[column] += flat[source + column]
    for column in range(ZERO, last - first):
        sum_C[first + column] += partial[column]


@compiled
def mix(
    x: Array,
    rows: Rows,
    columns: Columns,
    gate: Array,
    tile: Array,
    out: Array,
    norm_2F: Array,
    sum_C: Array,
    part: Any,
) -> None:
    """out = g x + (1 − g) x'; norm_2F += Σ_rows ‖x − x'‖₂ and its square; sum_C += Σ_rows x.

    Args:
        x, out: B × C, one row after another.
        gate: F.
        tile: (T + 1) × W; the last row is for partial sums.
        norm_2F, sum_C: float64.
        part: the first strip to take, and by how many to go on.
    """
    (order, bounds, shift), (starts, pieces, strips) = rows, columns
    width, features, stride = uint64(tile.shape[1]), uint64(len(gate)), uint64(len(sum_C))
    flat, partial, one = tile.ravel(), tile[-1], gate.dtype.type(1)
    norm_F, square_F = norm_2F[0], norm_2F[1]
    for strip in range(uint64(part[0]), uint64(len(strips) - 1), uint64(part[1])):
        head, end_of_strip = strips[strip], strips[strip + ONE]
        first, last = starts[pieces[head]], starts[pieces[end_of_strip]]
        for block in range(ZERO, uint64(len(bounds) - 1)):
            begin, count = bounds[block], bounds[block + ONE] - bounds[block]
            load(x, stride, rows, block, first, last, tile)
            add_columns(tile, count, first, last, partial, sum_C)
            for place in range(ZERO, count):
                own, target = place * width - first, order[begin + place] * stride
                for piece in range(head, end_of_strip):
                    feature, end = pieces[piece], pieces[piece + ONE]
                    if end - feature > ONE:
                        column = starts[feature]
                        for at in range(ZERO, end - feature):
                            ahead = place + shift[block * features + feature + at]
                            other = (ahead - count if ahead >= count else ahead) * width - first
                            value, moved = flat[own + column + at], flat[other + column + at]
                            g = gate[feature + at]
                            out[target + column + at] = g * value + (one - g) * moved
                            norm_F[feature + at] += abs(value - moved)
                            square_F[feature + at] += (value - moved) * (value - moved)
                    else:
                        ahead = place + shift[block * features + feature]
                        other = (ahead - count if ahead >= count else ahead) * width - first
                        g, squares = gate[feature], gate.dtype.type(0)
                        closed = one - g
                        for column in range(starts[feature], starts[end]):
                            value, moved = flat[own + column], flat[other + column]
                            out[target + column] = g * value + closed * moved
                            squares += (value - moved) * (value - moved)
                        norm_F[feature] += np.sqrt(squares)
                        square_F[feature] += squares


@compiled
def mix_held_out(
    x: Array,
    rows: Rows,
    columns: Columns,
    weights: Weights,
    tile: Array,
    out: Array,
    part: Any,
) -> None:
    """out = g x + (1 − g) r, with the weights' r. Arguments as `mix` has them."""
    (order, bounds, shift), (starts, pieces, strips), (gate, shares, rest) = rows, columns, weights
    width, features, stride = uint64(tile.shape[1]), uint64(len(gate)), uint64(len(rest))
    flat, one = tile.ravel(), gate.dtype.type(1)
    for strip in range(uint64(part[0]), uint64(len(strips) - 1), uint64(part[1])):
        head, end_of_strip = strips[strip], strips[strip + ONE]
        first, last = starts[pieces[head]], starts[pieces[end_of_strip]]
        for block in range(ZERO, uint64(len(bounds) - 1)):
            begin, count = bounds[block], bounds[block + ONE] - bounds[block]
            load(x, stride, rows, block, first, last, tile)
            for place in range(ZERO, count):
                own, target = place * width - first, order[begin + place] * stride
                for piece in range(head, end_of_strip):
                    feature, end = pieces[piece], pieces[piece + ONE]
                    if end - feature > ONE:
                        column = starts[feature]
                        for at in range(ZERO, end - feature):
                            ahead = place + shift[block * features + feature + at]
                            other = (ahead - count if ahead >= count else ahead) * width - first
                            moved = shares[feature + at] * flat[other + column + at]
                            g, moved = gate[feature + at], moved + rest[column + at]
                            out[target + column + at] = g * flat[own + column + at] + (one - g) * moved
                    else:
                        ahead = place + shift[block * features + feature]
                        other = (ahead - count if ahead >= count else ahead) * width - first
                        g, s = gate[feature], shares[feature]
                        closed = one - g
                        for column in range(starts[feature], starts[end]):
                            moved = s * flat[other + column] + rest[column]
                            out[target + column] = g * flat[own + column] + closed * moved


@compiled
def backward(
    gradient: Array,
    x: Array,
    rows: Rows,
    columns: Columns,
    weights: Weights,
    tile: Array,
    into: Array | None,
    sum_F: Array,
    part: Any,
) -> None:
    """The gradients of x and g: into = g · gradient, unless it is None; sum_F += Σ_rows gradient · (x − r).

    Args:
        gradient: of the mixture, B × C, one row after another.
        into: B × C.
        sum_F: float64. All other arguments as `mix_held_out` has them.
    """
    (order, bounds, shift), (starts, pieces, strips), (gate, shares, rest) = rows, columns, weights
    width, features, stride = uint64(tile.shape[1]), uint64(len(gate)), uint64(len(rest))
    flat = tile.ravel()
    for strip in range(uint64(part[0]), uint64(len(strips) - 1), uint64(part[1])):
        head, end_of_strip = strips[strip], strips[strip + ONE]
        first, last = starts[pieces[head]], starts[pieces[end_of_strip]]
        for block in range(ZERO, uint64(len(bounds) - 1)):
            begin, count = bounds[block], bounds[block + ONE] - bounds[block]
            load(x, stride, rows, block, first, last, tile)
            for place in range(ZERO, count):
                own, target = place * width - first, order[begin + place] * stride
                for piece in range(head, end_of_strip):
                    feature, end = pieces[piece], pieces[piece + ONE]
                    if end - feature > ONE:
                        column = starts[feature]
                        for at in range(ZERO, end - feature):
                            ahead = place + shift[block * features + feature + at]
                            other = (ahead - count if ahead >= count else ahead) * width - first
                            moved = shares[feature + at] * flat[other + column + at]
                            value = flat[own + column + at] - (moved + rest[column + at])
                            slope = gradient[target + column + at]
                            sum_F[feature + at] += slope * value
                            if into is not None:
                                into[target + column + at] = gate[feature + at] * slope
                    else:
                        ahead = place + shift[block * features + feature]
                        other = (ahead - count if ahead >= count else ahead) * width - first
                        g, s, total = gate[feature], shares[feature], gate.dtype.type(0)
                        for column in range(starts[feature], starts[end]):
                            moved = s * flat[other + column] + rest[column]
                            slope = gradient[target + column]
                            total += slope * (flat[own + column] - moved)
                            if into is not None:
                                into[target + column] = g * slope
                        sum_F[feature] += total


def warm_up() -> None:
    """Compile the kernels for float32, or load them, here and now: before a process forks, or is timed."""
    x, gradient, gate = np.zeros(6, np.float32), np.zeros(6, np.float32), np.zeros(2, np.float32)
    tile, norm_2F, sum_C = np.zeros((3, 3), np.float32), np.zeros((2, 2)), np.zeros(3)
    numbers = (np.array(each, np.uint64) for each in ([0, 1, 3], [0, 1, 2], [0, 2], [1, 0], [0, 2], [1, 1]))
    start, piece, strip, order, bounds, shift = numbers
    columns, rows, weights = (start, piece, strip), (order, bounds, shift), (gate, gate, np.zeros(3, np.float32))
    mix(x, rows, columns, gate, tile, gradient, norm_2F, sum_C, (0, 1))
    mix_held_out(x, rows, columns, weights, tile, gradient, (0, 1))
    for into in (None, np.zeros(6, np.float32)):
        backward(gradient, x, rows, columns, weights, tile, into, norm_2F[0], (0, 1))
