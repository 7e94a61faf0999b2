"""The search of a run: a trained model and the ranking of its features. One class for each way to get there.

Collective: every rank calls `run`, and all get the same ranking. A search is checkpointed; a run that dies goes on
from its newest checkpoint, to the same numbers.

Over several seeds the models are trained one after another, from the last seed to the first: the first seed's, which
the run goes on with, is then the one at hand, and no checkpoint holds more than one model.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sharding.layout import split_dim
from trainers.data.constants import find_constants
from trainers.data.fingerprint import describe_changes
from trainers.models.ranking import GatedModel, PlainModel
from trainers.pipeline.ports import Checkpoints, Coordination
from trainers.pipeline.sampling import draw_sample, find_copies
from trainers.runs.coordinator import Snapshot
from trainers.runs.progress import Stage
from trainers.selectors.aggregation import aggregate, carried
from trainers.selectors.base import GateSpec, Ranking, SensitivitySpec, TabularSpec
from trainers.selectors.gates.elimination import MOST_COLUMNS, eliminate
from trainers.selectors.gates.ranking import rank_by_gate, reorder
from trainers.selectors.sensitivity.trained import TrainedModel
from trainers.spec import JobSpec, SpecError
from trainers.training import checkpoint
from trainers.training.build import build_gated, build_plain
from trainers.training.checkpoint import Finished
from trainers.training.gate_trainer import GateTrainer
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer

if TYPE_CHECKING:
    from trainers.selectors.base import TrainingTerm


@dataclass
class Found:
    """What a search leaves.

    Attributes:
        model: what the curve is measured on and the pruned model is cut from.
        ranking: of every feature of the spec.
        steps: that were trained.
        full: the model of all features as training from scratch makes it, where the search trained one.
        copies: groups of features with the same values.
        constant: features of one value.
    """

    model: PlainModel
    ranking: Ranking
    steps: int
    full: PlainModel | None = None
    copies: Sequence[tuple[str, ...]] = ()
    constant: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One seed's part of a search, or one method's of a seed's.

    Attributes:
        loaders: of this seed.
        data: the loaders that the search began with; a checkpoint's fingerprint is of theirs.
        finished: the seeds before it, and of its own seed the methods before it.
        resumes: whether the newest checkpoint, where there is one, is of this part.
        number, count: which of how many parts it is, from 1.
    """

    loaders: DataLoaders
    data: DataLoaders
    finished: Finished
    resumes: bool
    number: int
    count: int

    @property
    def began(self) -> int:
        """The search's steps before this part's first."""
        return self.finished.steps


class Search(abc.ABC):
    """A rank's part of the search. `spec` must be in canonical order."""

    def __init__(self, spec: JobSpec, ranks: RankContext, coordination: Coordination, checkpoints: Checkpoints) -> None:
        self.spec, self.ranks = spec, ranks
        self.coordination, self.checkpoints = coordination, checkpoints
        self._copies: list[tuple[str, ...]] | None = None

    def run(self, loaders: DataLoaders) -> Found:
        """From the newest checkpoint, or the start, to the ranking."""
        first, *others = self.spec.training.every_seed
        finished = Finished()
        with self.checkpoints.latest() as path:
            if path is not None and self.ranks.is_leader:
                finished = checkpoint.read_finished(path)
        finished = self.ranks.broadcast(finished)
        begun = len(finished.rankings)

        def search(seed: int) -> Found:
            done, own = len(finished.rankings), loaders.with_seed(seed)
            return self.search(
                SeedRun(
                    loaders=own,
                    data=loaders,
                    finished=finished,
                    resumes=done == begun,
                    number=done + 1,
                    count=1 + len(others),
                )
            )

        for seed in others[::-1][begun:]:
            finished = _add(finished, search(seed))  # The model goes: its tables make room for the next seed's.
        found = search(first)
        copies = self.copies(loaders)
        constant = self.ranks.broadcast(
            find_constants(self.spec, loaders.sources["train"]) if self.ranks.is_leader else frozenset()
        )
        rankings = (found.ranking, *reversed(finished.rankings))
        return replace(found, ranking=combine(self.spec, rankings, copies), copies=copies, constant=constant)

    @abc.abstractmethod
    def search(self, run: SeedRun) -> Found:
        """From the seed's newest checkpoint, or the start, to its ranking."""

    def copies(self, loaders: DataLoaders) -> list[tuple[str, ...]]:
        """Groups of features with the same values. Collective; the data are read once."""
        if self._copies is None:
            found = find_copies(self.spec, loaders.sources) if self.ranks.is_leader else []
            self._copies = self.ranks.broadcast(found)
        return self._copies

    def begin_seed(self, run: SeedRun) -> None:
        """Say which of several parts is trained from now on."""
        if run.count > 1:
            self.coordination.begin_seed(self.ranks.attempt, run.number, run.count)

    def enter_ranking(self, run: SeedRun) -> None:
        """The rankings of all parts but the last one trained are made within the search."""
        if run.number == run.count:
            self.enter(Stage.RANKING)

    def enter(self, stage: Stage, total_steps: int = 0) -> None:
        self.coordination.enter(self.ranks.attempt, stage, total_steps)

    def check_data(self, path: Path, loaders: DataLoaders) -> None:
        """Raises SpecError where the checkpoint's search began on other data. Collective."""
        changes = None
        if self.ranks.is_leader and (before := checkpoint.read_data(path)) is not None:
            changes = describe_changes(before, loaders.fingerprint)
        if changes := self.ranks.broadcast(changes):
            raise SpecError(changes)

    def trained(self, model: PlainModel, loaders: DataLoaders) -> TrainedModel:
        """The model beside the validation rows, as what measures it takes it."""
        validation = loaders.validation
        return TrainedModel(
            model=model,
            batches=lambda: loaders.whole(validation),
            first_row=validation.sampler.first_row,
            ranks=self.ranks,
            seed=loaders.spec.training.seed,
        )

    def save_beside(self, path: Path, run: SeedRun) -> None:
        """What every checkpoint has beside the model."""
        if self.ranks.is_leader:
            checkpoint.write_data(path, run.data.fingerprint)
            checkpoint.write_finished(path, run.finished)


def combine(spec: JobSpec, rankings: Sequence[Ranking], copies: Sequence[tuple[str, ...]]) -> Ranking:
    """The ranking that the seeds' rankings agree on most, copies counted as one: an essential copy carries the others.

    Args:
        spec: whose features they are.
        rankings: one a seed; one alone is returned as it is.
        copies: groups of features with the same values.
    """
    return rankings[0] if len(rankings) == 1 else aggregate(carry_copies(spec, rankings, copies))


def carry_copies(spec: JobSpec, rankings: Sequence[Ranking], copies: Sequence[tuple[str, ...]]) -> list[Ranking]:
    """The rankings in which the same copy of each group carries the others: an essential one, or the first."""
    essential = {feature.name for feature in spec.features if spec.is_essential(feature)}
    groups = [sorted(group, key=lambda name: name not in essential) for group in copies]
    return [carried(ranking, groups) for ranking in rankings]


def _add(finished: Finished, found: Found) -> Finished:
    return finished.add(found.ranking, found.steps)


class GateSearch(Search):
    """Weights and gates trained together."""

    def search(self, run: SeedRun) -> Found:
        model = build_gated(run.loaders.spec, self.ranks)
        search = self.train(model, run)
        self.enter_ranking(run)
        self.coordination.flush()
        self.ranks.barrier()
        gate = model.gate
        ranking = rank_by_gate(
            gate.units.names,
            gate.scores().cpu().numpy(),
            search.mean_gates() if self.spec.by_dim else self.coordination.mean_gate(run.began + search.warmup),
            {name: value_F.cpu().numpy() for name, value_F in gate.details().items()},
            probability_like=self.spec.selector.probability_like,
        )
        return Found(model.plain_model, self.order(ranking, model.plain_model, run.loaders), search.steps)

    def order(self, ranking: Ranking, model: PlainModel, loaders: DataLoaders) -> Ranking:
        """The ranking, its open features ordered as the selector says. Collective."""
        selector = self.spec.selector
        assert isinstance(selector, GateSpec)
        if selector.order == "score" or not selector.probability_like:
            return ranking
        essential = {feature.name for feature in self.spec.features if self.spec.is_essential(feature)}
        layout = model.inputs.layout
        units = layout.by_dim() if self.spec.by_dim else layout
        if self.spec.by_dim and len(units) > MOST_COLUMNS:
            return ranking
        kept = [name for name in units.names if split_dim(name)[0] in essential]
        return reorder(ranking, eliminate(self.trained(model, loaders), ranking, kept, units))

    def train(self, model: GatedModel, run: SeedRun) -> GateTrainer:
        """Train weights and gates to the end of the search; the model is left in evaluation mode."""
        loaders, training, selector = run.loaders, self.spec.training, self.spec.selector
        assert isinstance(selector, GateSpec)
        model.gate.expect((loaders.validation if selector.update == "bilevel" else loaders.train).rows)
        total = min(loaders.plan.epochs * loaders.train.steps_per_epoch, training.max_steps or 2**62)
        search = GateTrainer(model, loaders.spec, self.ranks, warmup=int(total * selector.warmup), steps=total)
        start = self._restore(search, run) if run.resumes else 0
        every = training.checkpoint_every or loaders.train.steps_per_epoch
        self.enter(Stage.SEARCHING, run.count * total)
        self.begin_seed(run)
        with loaders.pairs(start, total, held_out=selector.update == "bilevel") as batches:
            search.meter.restart()
            for step, (train, held_out) in enumerate(batches, start + 1):
                search.step(step, train, held_out)
                saving = step % every == 0 or step == total
                if saving or step % training.report_every == 0:
                    self.coordination.report(search.report(run.began + step, loaders.decode_seconds))
                if saving:
                    self._save(search, run.began + step, run)
        model.train(False)
        return search

    def _restore(self, search: GateTrainer, run: SeedRun) -> int:
        """The seed's steps that are done."""
        with self.checkpoints.latest() as path:
            if path is None:
                self.coordination.begin(self.ranks.attempt, self.ranks.world, 0)
                return 0
            self.check_data(path, run.data)
            state = search.state()
            checkpoint.read(path, state)
            search.restore(state)
            step, snapshots = checkpoint.read_history(path)
        self.coordination.begin(self.ranks.attempt, self.ranks.world, step, snapshots)
        return step - run.began

    def _save(self, search: GateTrainer, step: int, run: SeedRun) -> None:
        search.sync_buffers()
        self.coordination.flush()
        self.ranks.barrier()

        def write(path: Path) -> None:
            checkpoint.write(path, search.state())
            self.save_beside(path, run)
            if self.ranks.is_leader:
                checkpoint.write_history(path, step, self.coordination.history())

        self.checkpoints.save(step, write)


class ModelSearch(Search):
    """The full model trained from scratch, and then a ranking: measured on it, or read off the rows.

    That model is the guard's measure too, unless the selector has a term in its loss. It is trained by epochs until
    validation gets no better, and checkpointed after each: `training.max_steps` and `training.checkpoint_every` are of
    gates.
    """

    def search(self, run: SeedRun) -> Found:
        model = build_plain(run.loaders.spec, self.ranks)
        steps = self.train(model, run)
        self.enter_ranking(run)
        full = model if self.term() is None else None
        return Found(model, self.rank(model, run.loaders), steps, full=full)

    def term(self) -> TrainingTerm | None:
        """What the selector adds to the loss of the model that it measures."""
        selector = self.spec.selector
        return selector.training_term() if isinstance(selector, SensitivitySpec) else None

    def train(self, model: PlainModel, run: SeedRun) -> int:
        """Train the model to its best on validation; it is left in evaluation mode. Returns the number of steps."""
        loaders = run.loaders
        trainer = Trainer(model, loaders, loaders.spec, self.ranks, term=self.term())
        steps = loaders.train.steps_per_epoch
        if run.resumes:
            snapshots = self._restore(trainer, run)
            step = run.began + trainer.epochs * steps
            self.coordination.begin(self.ranks.attempt, self.ranks.world, step, snapshots)
        epochs = loaders.plan.epochs
        self.enter(Stage.SEARCHING, run.count * epochs * steps)
        self.begin_seed(run)
        trainer.run(
            epochs,
            lambda step: self._advance(run.began + step),
            at_epoch_end=lambda epoch: self._save(trainer, run.began + epoch * steps, run),
        )
        model.train(False)
        return trainer.epochs * steps

    def rank(self, model: PlainModel, loaders: DataLoaders) -> Ranking:
        """Collective; rows are read and ranked on rank 0."""
        selector = self.spec.selector
        if isinstance(selector, SensitivitySpec):
            return selector.rank(self.trained(model, loaders))
        assert isinstance(selector, TabularSpec)
        return self.ranks.broadcast(rank_rows(self.spec) if self.ranks.is_leader else None)

    def _restore(self, trainer: Trainer, run: SeedRun) -> list[Snapshot]:
        """Fill the trainer; returns what gates before it reported."""
        with self.checkpoints.latest() as path:
            if path is None:
                return []
            self.check_data(path, run.data)
            state = trainer.state()
            checkpoint.read(path, state)
            trainer.restore(state)
            return checkpoint.read_history(path)[1] if checkpoint.has_history(path) else []

    def _save(self, trainer: Trainer, step: int, run: SeedRun) -> None:
        def write(path: Path) -> None:
            checkpoint.write(path, trainer.state())
            self.save_beside(path, run)
            if self.ranks.is_leader and (snapshots := self.coordination.history()):
                checkpoint.write_history(path, step, snapshots)

        self.checkpoints.save(step, write)

    def _advance(self, step: int) -> None:
        if self.ranks.is_leader:
            self.coordination.advance(self.ranks.attempt, step)


def rank_rows(spec: JobSpec) -> Ranking:
    """What a tabular selector makes of a sample of rows: no model is needed for it."""
    selector = spec.selector
    assert isinstance(selector, TabularSpec)
    sample = draw_sample(spec, selector.sample_rows)
    ranking = selector.rank(sample)
    return replace(ranking, diagnostics={**sample.drawn, **ranking.diagnostics})
