"""The batches that the stages of a run ask for: this rank's share, read ahead on a thread, on its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from trainers.data.decode import Decoder
from trainers.data.loader import Loader
from trainers.data.prefetch import prefetch
from trainers.data.source import Source, open_splits
from trainers.data.statistics import Statistics, statistics
from trainers.models.batch import Batch
from trainers.spec import JobSpec, TrainingPlan, plan_training
from trainers.training.ranks import RankContext

AHEAD = 4
# Without a backward pass to hold, evaluation takes larger batches.
EVALUATION_ROWS = 8192
Pair = tuple[Batch, Batch | None]


@dataclass(frozen=True)
class DataLoaders:
    """Loaders over the three splits. `held_out` is the validation split, shuffled and endless, for bilevel's θ."""

    ranks: RankContext
    train: Loader
    held_out: Loader
    validation: Loader
    test: Loader
    statistics: Statistics
    plan: TrainingPlan

    @classmethod
    def open(cls, spec: JobSpec, ranks: RankContext, measured: Statistics | None = None) -> DataLoaders:
        """Open every split of `spec`; measure the training rows unless `measured` has them. Raises SpecError."""
        sources = open_splits(spec.dataset, Decoder(spec).columns)
        measured = measured or statistics(sources["train"], spec)
        decoder = Decoder(spec, measured)

        def load(source: Source, batch_size: int, shuffle_rows: int | None, seed: int) -> Loader:
            return Loader(
                source,
                decoder,
                batch_size=batch_size,
                rank=ranks.rank,
                world=ranks.world,
                seed=seed,
                shuffle_rows=shuffle_rows,
            )

        train, validation, test = sources["train"], sources["validation"], sources["test"]
        training, plan = spec.training, plan_training(spec, train.rows)
        return cls(
            ranks=ranks,
            train=load(train, plan.batch_size, training.shuffle_rows, training.seed),
            held_out=load(validation, plan.batch_size, training.shuffle_rows, training.seed + 1),
            validation=load(validation, EVALUATION_ROWS, None, 0),
            test=load(test, EVALUATION_ROWS, None, 0),
            statistics=measured,
            plan=plan,
        )

    @property
    def decode_seconds(self) -> float:
        """Spent so far on reading and decoding for the search, by threads of their own."""
        return self.train.decode_seconds + self.held_out.decode_seconds

    @contextmanager
    def paired(self, start: int, stop: int, *, held_out: bool) -> Iterator[Iterator[Pair]]:
        """Training batches of steps [start, stop), each with a held-out one where asked for."""

        def together() -> Iterator[Pair]:
            others = self.held_out.batches(start, stop) if held_out else None
            for batch in self.train.batches(start, stop):
                other = next(others).to(self.ranks.device) if others is not None else None
                yield batch.to(self.ranks.device), other

        with closing(prefetch(together(), AHEAD)) as pairs:
            yield pairs

    @contextmanager
    def training(self, start: int, stop: int) -> Iterator[Iterator[Batch]]:
        """Training batches of steps [start, stop)."""
        with self._read(self.train, start, stop) as batches:
            yield batches

    @contextmanager
    def whole(self, loader: Loader) -> Iterator[Iterator[Batch]]:
        """Every row of this rank's share of a split, once, in file order."""
        with self._read(loader, 0, loader.steps_per_epoch) as batches:
            yield batches

    @contextmanager
    def _read(self, loader: Loader, start: int, stop: int) -> Iterator[Iterator[Batch]]:
        moved = (batch.to(self.ranks.device) for batch in loader.batches(start, stop))
        with closing(prefetch(moved, AHEAD)) as batches:
            yield batches
