"""Loader: the batches of one rank, at any step of endless epochs."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

from trainers.data.checks.value_check import locating
from trainers.data.collate import collate
from trainers.data.decode import Decoder
from trainers.data.prefetch import prefetch
from trainers.data.rows import Rows
from trainers.data.sampler import BatchSampler, Window
from trainers.data.source import Source
from trainers.models.batch import Batch
from trainers.spec import SpecError


class Loader:
    """Reads, decodes, shuffles and batches one rank's share of a source.

    Every row of the source is in exactly one batch of one rank per epoch, and every rank has the same number of
    steps. Ranks read without talking to each other. The rows of a rank that fit in one window are decoded once;
    others are read anew each epoch, a window ahead of the batches being taken, so that memory holds about four
    windows.

    Args:
        source: the rows of a split.
        decoder: of the spec.
        batch_size: rows of one rank and one step.
        rank, world: which share of the rows is this loader's.
        seed: of the shuffling.
        shuffle_rows: rows shuffled together (rounded up to whole batches); None keeps the order of the files.

    Raises:
        SpecError: no row, fewer than two rows a rank, or a column that is missing.

    Example:
        >>> loader = Loader(source, Decoder(spec), batch_size=1024, shuffle_rows=2**18)  # doctest: +SKIP
        >>> for batch in prefetch(loader.batches(0, 3 * loader.steps_per_epoch), depth=4): ...  # doctest: +SKIP
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        *,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
        seed: int = 0,
        shuffle_rows: int | None = None,
    ) -> None:
        if not source.rows:
            raise SpecError(f"dataset: {source.uri} has no rows; write some, or name other files")
        source.require(decoder.columns)
        self.source, self.decoder = source, decoder
        self.sampler = BatchSampler(
            rows=source.rows, batch_size=batch_size, rank=rank, world=world, seed=seed, shuffle_rows=shuffle_rows
        )
        # Spent by the reading thread on reading, decoding and shuffling windows.
        self.decode_seconds = 0.0
        self._kept: Rows | None = None

    @property
    def rows(self) -> int:
        """Rows of the source, over all ranks."""
        return self.source.rows

    @property
    def steps_per_epoch(self) -> int:
        """The same on every rank."""
        return self.sampler.steps_per_epoch

    def batches(self, start_step: int, stop_step: int) -> Generator[Batch, None, None]:
        """The batches of steps [start_step, stop_step), counted over endless epochs.

        What a step yields depends on the step alone, so that a run that resumes at `start_step` sees what an
        uninterrupted one would have seen. Close the generator to end its reading thread early.
        """
        with closing(prefetch(self._visited(start_step, stop_step), depth=1)) as visited:
            for window, rows in visited:
                for batch in range(window.begin, window.end):
                    yield collate(rows, *self.sampler.batch_rows(window.index, batch))

    def epoch(self, epoch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch."""
        return self.batches(epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch)

    def _visited(self, start_step: int, stop_step: int) -> Generator[tuple[Window, Rows], None, None]:
        for window in self.sampler.visits(start_step, stop_step):
            began = time.perf_counter()
            rows = self._window(window.index)
            if self.sampler.shuffle_rows is not None:
                rows = rows.select(self.sampler.permutation(window))
            self.decode_seconds += time.perf_counter() - began
            yield window, rows

    def _window(self, window: int) -> Rows:
        if self._kept is not None:
            return self._kept
        start, stop = self.sampler.window_rows(window)
        decoder = self.decoder
        with locating(decoder.dataset, decoder.features, self.source, [(start, stop)]):
            rows = decoder.decode(self.source.read(decoder.columns, start, stop))
        if self.sampler.windows == 1:
            self._kept = rows
        return rows
