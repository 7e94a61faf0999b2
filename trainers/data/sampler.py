"""BatchSampler: which of its rows a rank takes at each step. Arithmetic only; reads nothing.

A rank owns a contiguous range of the rows, divides it into windows of whole batches, and visits the windows of an
epoch in a seeded order. The absolute step alone says where in the data a run stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainers.spec import SpecError

FILE_ORDER_WINDOW = 2**16  # rows decoded together where nothing is shuffled
SMALLEST_BATCH = 2  # the gate permutes rows within a batch, and one row has no other to swap with


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stay in a window during an epoch: its batches [begin, end), counted from the window's first."""

    epoch: int
    index: int
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class BatchSampler:
    """The steps of one rank.

    Args:
        rows: of the data set, over all ranks.
        batch_size: rows of this rank and one step.
        rank, world: this rank, and how many there are.
        seed: of the shuffling.
        shuffle_rows: rows shuffled together, rounded up to whole batches; None keeps the order of the files.

    Raises:
        SpecError: fewer than two rows a rank.
        ValueError: a batch size under 2, or a rank outside the world.
    """

    rows: int
    batch_size: int
    rank: int = 0
    world: int = 1
    seed: int = 0
    shuffle_rows: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < SMALLEST_BATCH:
            raise ValueError(f"batch_size is {self.batch_size}; a batch has at least {SMALLEST_BATCH} rows")
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank {self.rank} of {self.world}; ranks count from 0")
        if self.rows < SMALLEST_BATCH * self.world:
            raise SpecError(
                f"dataset: {self.rows} rows for {self.world} workers; a worker needs at least {SMALLEST_BATCH}: "
                "add rows, or lower `scaling.workers`"
            )

    @property
    def first_row(self) -> int:
        """This rank owns global rows [first_row, last_row)."""
        return self.rows * self.rank // self.world

    @property
    def last_row(self) -> int:
        return self.rows * (self.rank + 1) // self.world

    @cached_property
    def steps_per_epoch(self) -> int:
        """The same on every rank: counted on the smallest rank, whose tail of one row joins the batch before it."""
        full, tail = divmod(self.rows // self.world, self.batch_size)
        return max(full + (tail >= SMALLEST_BATCH), 1)

    @cached_property
    def steps_per_window(self) -> int:
        return -(-(self.shuffle_rows or FILE_ORDER_WINDOW) // self.batch_size)

    @cached_property
    def windows(self) -> int:
        return -(-self.steps_per_epoch // self.steps_per_window)

    def window_rows(self, window: int) -> tuple[int, int]:
        """Global rows [start, stop) of a window; the last one takes what is left of the rank's rows."""
        size = self.steps_per_window * self.batch_size
        start = self.first_row + window * size
        return start, self.last_row if window == self.windows - 1 else start + size

    def batch_rows(self, window: int, batch: int) -> tuple[int, int]:
        """Rows [start, stop) of a batch, counted from the window's first; the last one takes what is left."""
        start, stop = batch * self.batch_size, (batch + 1) * self.batch_size
        if window == self.windows - 1 and batch == self._steps_in(window) - 1:
            first, last = self.window_rows(window)
            stop = last - first
        return start, stop

    def visits(self, start_step: int, stop_step: int) -> Iterator[Window]:
        """Stays in windows that together make the steps [start_step, stop_step); nothing before them is named."""
        step = start_step
        while step < stop_step:
            epoch, position = divmod(step, self.steps_per_epoch)
            ends = np.cumsum([self._steps_in(int(window)) for window in self._order(epoch)])
            for window, end in zip(self._order(epoch).tolist(), ends.tolist(), strict=True):
                if end <= position or step >= stop_step:
                    continue
                steps = self._steps_in(window)
                begin = position - (end - steps)
                taken = min(end - position, stop_step - step)
                yield Window(epoch=epoch, index=window, begin=begin, end=begin + taken)
                position, step = position + taken, step + taken

    def permutation(self, window: Window) -> NDArray[np.int64]:
        """The order of a window's rows in an epoch."""
        start, stop = self.window_rows(window.index)
        return self._random(window.epoch, window.index + 1, self.rank).permutation(stop - start)

    def _steps_in(self, window: int) -> int:
        return min(self.steps_per_window, self.steps_per_epoch - window * self.steps_per_window)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Windows in the order of an epoch, the same on every rank: ranks then meet the shorter batch together."""
        if self.shuffle_rows is None:
            return np.arange(self.windows)
        return self._random(epoch, 0).permutation(self.windows)

    def _random(self, *position: int) -> np.random.Generator:
        return np.random.default_rng([self.seed % 2**64, *position])
