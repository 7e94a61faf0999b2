"""The batches that the stages of a run ask for: this rank's share, read ahead on a thread, on its device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property

from trainers.data.decode import Decoder
from trainers.data.fingerprint import Fingerprint, fingerprint
from trainers.data.loader import Loader
from trainers.data.prefetch import prefetch
from trainers.data.source import Source, open_splits
from trainers.data.splits import SplitName
from trainers.data.statistics import Statistics, statistics
from trainers.models.batch import Batch
from trainers.spec import JobSpec, SpecError, TrainingPlan, plan_training
from trainers.training.ranks import RankContext

AHEAD = 4
# Without a backward pass to hold, evaluation takes larger batches.
EVALUATION_ROWS = 8192
Pair = tuple[Batch, Batch | None]


@dataclass(frozen=True)
class DataLoaders:
    """Loaders over the three splits. `held_out` is the validation split, shuffled and endless, for bilevel's θ.

    Files are listed once, as they are opened: what is added to a directory later isn't read.
    """

    spec: JobSpec
    sources: Mapping[SplitName, Source]
    ranks: RankContext
    train: Loader
    held_out: Loader
    validation: Loader
    test: Loader
    statistics: Statistics
    plan: TrainingPlan

    @classmethod
    def open(cls, spec: JobSpec, ranks: RankContext, measured: Statistics | None = None) -> DataLoaders:
        """Open every split of `spec`; rank 0 measures the training rows unless `measured` has them. Collective.

        Raises:
            SpecError: data that doesn't fit the spec, or that other ranks see otherwise.
        """
        sources = open_splits(spec.dataset, Decoder(spec).columns)
        _agree(sources, ranks)
        if measured is None:
            measured = ranks.broadcast(statistics(sources["train"], spec) if ranks.is_leader else None)
        return cls._over(sources, spec, ranks, measured)

    def with_spec(self, spec: JobSpec) -> DataLoaders:
        """The same files and statistics for a spec of some of the features."""
        return self._over(self.sources, spec, self.ranks, self.statistics)

    def with_seed(self, seed: int) -> DataLoaders:
        """The same files and statistics for a spec of another seed; these loaders where it is their own."""
        training = self.spec.training
        if seed == training.seed:
            return self
        return self.with_spec(self.spec.model_copy(update={"training": training.model_copy(update={"seed": seed})}))

    @classmethod
    def _over(
        cls, sources: Mapping[SplitName, Source], spec: JobSpec, ranks: RankContext, measured: Statistics
    ) -> DataLoaders:
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
            spec=spec,
            sources=sources,
            ranks=ranks,
            train=load(train, plan.batch_size, training.shuffle_rows, training.seed),
            held_out=load(validation, plan.batch_size, training.shuffle_rows, training.seed + 1),
            validation=load(validation, EVALUATION_ROWS, None, 0),
            test=load(test, EVALUATION_ROWS, None, 0),
            statistics=measured,
            plan=plan,
        )

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Of the files that the loaders read; see `trainers.data.fingerprint`."""
        return fingerprint(self.sources, self.spec.dataset)

    @property
    def decode_seconds(self) -> float:
        """Spent so far on reading and decoding for the search, by threads of their own."""
        return self.train.decode_seconds + self.held_out.decode_seconds

    @contextmanager
    def pairs(self, start: int, stop: int, *, held_out: bool) -> Iterator[Iterator[Pair]]:
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


def _agree(sources: Mapping[SplitName, Source], ranks: RankContext) -> None:
    """Raises SpecError on ranks that list other files than rank 0: their numbers of steps could differ."""
    own = [source.files.fingerprint() for source in sources.values()] if ranks.world > 1 else []
    if ranks.broadcast(own) != own:
        raise SpecError(
            f"dataset: the files changed while the workers opened them, or worker {ranks.rank + 1} sees others than "
            "the first; give every worker the same files, and leave them alone while a run reads them"
        )
