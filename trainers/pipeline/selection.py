"""One rank's part of a selection run: search, rank, prune, fine-tune, evaluate.

Collective: every rank calls `Selection(...).run()`; rank 0 gets the outcome, the others None. The search is
checkpointed; a run that dies later starts again from the end of its search.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from trainers.models.ranking import GatedModel, PlainModel
from trainers.pipeline.outcome import build_outcome
from trainers.pipeline.scoring import curve_points, feature_scores
from trainers.pruning.curve import FeatureScore, ranking_prefixes
from trainers.pruning.rules import Decision, decide
from trainers.runs.coordinator import Report, Snapshot
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.runs.results import CurvePoint, ModelQuality
from trainers.selectors.base import GateSpec
from trainers.spec import JobSpec
from trainers.spec.order import canonical_order, with_features
from trainers.training import checkpoint
from trainers.training.build import build_gated, build_plain
from trainers.training.evaluation import difference_error, masked_forward, predict
from trainers.training.gate_trainer import GateTrainer
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer, predictions


class Coordination(Protocol):
    """What a rank tells the coordinator; see `Coordinator`."""

    def begin(self, attempt: int, world: int, step: int, saved: list[Snapshot] | None = None) -> Any: ...
    def enter(self, attempt: int, stage: Stage, total_steps: int = 0) -> Any: ...
    def report(self, report: Report) -> Any: ...
    def advance(self, attempt: int, step: int) -> Any: ...
    def flush(self) -> Any: ...
    def history(self) -> list[Snapshot]: ...
    def mean_gate(self, warmup: int) -> Any: ...


class Checkpoints(Protocol):
    """Where checkpoints are kept."""

    def latest(self) -> AbstractContextManager[Path | None]:
        """A local directory with the newest checkpoint, or None."""
        ...

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Let every rank write its share into a directory, and keep the whole."""
        ...


class Selection:
    """The stages of a run on one rank."""

    def __init__(self, spec: JobSpec, ranks: RankContext, coordination: Coordination, checkpoints: Checkpoints) -> None:
        self.spec, self.ranks = canonical_order(spec), ranks
        self.coordination, self.checkpoints = coordination, checkpoints

    def run(self) -> Outcome | None:
        loaders = DataLoaders.open(self.spec, self.ranks)
        model = build_gated(self.spec, self.ranks, loaders.statistics)
        search = self.search(model, loaders)
        self._enter(Stage.RANKING)
        self.coordination.flush()
        self.ranks.barrier()
        scores = feature_scores(self.spec, model.gate, self.coordination.mean_gate(search.warmup))
        del search
        points, decisions = self._rank(model, loaders, scores)
        kept = [decision.name for decision in decisions if decision.keep]
        chosen = with_features(self.spec, kept)
        small, small_loaders = model.ungated.pruned(kept), DataLoaders.open(chosen, self.ranks, loaders.statistics)
        del model  # Its tables make room for the full model's.
        before = predictions(small, small_loaders, self.ranks)
        tuned, full = self._train(small, small_loaders, loaders)
        self._enter(Stage.EVALUATING)
        whole, after = predictions(full, loaders, self.ranks), predictions(tuned, small_loaders, self.ranks)
        if before is None or whole is None or after is None:
            return None
        grouped = self.spec.dataset.group is not None
        metrics = ModelQuality(
            full=whole.metrics(grouped=grouped),
            pruned=before.metrics(grouped=grouped),
            finetuned=after.metrics(grouped=grouped),
        )
        error = difference_error(self.spec.prune.guard.metric, whole, after)
        return build_outcome(self.spec, scores, decisions, points, metrics, error)

    def search(self, model: GatedModel, loaders: DataLoaders) -> GateTrainer:
        """Train weights and gates from the newest checkpoint, or the start, to the end of the search."""
        training = self.spec.training
        total = min(training.epochs * loaders.train.steps_per_epoch, training.max_steps or 2**62)
        selector = self.spec.selector
        assert isinstance(selector, GateSpec)
        search = GateTrainer(model, self.spec, self.ranks, warmup=int(total * selector.warmup), steps=total)
        start = self._restore(search)
        every = training.checkpoint_every or loaders.train.steps_per_epoch
        self._enter(Stage.SEARCHING, total)
        with loaders.paired(start, total, held_out=selector.update == "bilevel") as batches:
            search.meter.restart()
            for step, (train, held_out) in enumerate(batches, start + 1):
                search.step(step, train, held_out)
                saving = step % every == 0 or step == total
                if saving or step % training.report_every == 0:
                    self.coordination.report(search.report(step, loaders.decode_seconds))
                if saving:
                    self._save(search, step)
        model.train(False)
        return search

    def _restore(self, search: GateTrainer) -> int:
        with self.checkpoints.latest() as path:
            if path is None:
                self.coordination.begin(self.ranks.attempt, self.ranks.world, 0)
                return 0
            state = search.state()
            checkpoint.read(path, state)
            search.restore(state)
            step, snapshots = checkpoint.read_history(path)
        self.coordination.begin(self.ranks.attempt, self.ranks.world, step, snapshots)
        return step

    def _save(self, search: GateTrainer, step: int) -> None:
        search.sync_buffers()
        self.coordination.flush()
        self.ranks.barrier()

        def write(path: Path) -> None:
            checkpoint.write(path, search.state())
            if self.ranks.is_leader:
                checkpoint.write_history(path, step, self.coordination.history())

        self.checkpoints.save(step, write)

    def _enter(self, stage: Stage, total: int = 0) -> None:
        self.coordination.enter(self.ranks.attempt, stage, total)

    def _rank(
        self, model: GatedModel, loaders: DataLoaders, scores: list[FeatureScore]
    ) -> tuple[list[CurvePoint], list[Decision]]:
        """The selection curve over every validation row, and what the rule makes of it; the same on all ranks."""
        kept = ranking_prefixes(scores, self.spec.prune.curve_points)
        with loaders.whole(loaders.validation) as batches:
            found = predict(masked_forward(model.ungated, kept), batches, self.ranks)
        answer = None
        if found is not None:
            points = curve_points(found, kept, scores, grouped=self.spec.dataset.group is not None)
            answer = points, decide(scores, self.spec.prune, points)
        return self.ranks.broadcast(answer)

    def _train(
        self, small: PlainModel, small_loaders: DataLoaders, loaders: DataLoaders
    ) -> tuple[PlainModel, PlainModel]:
        """The pruned model trained on, and a full one trained from scratch: the guard's yardstick.

        The searched weights are none: they learned behind gates, and with every feature open they may know rows by
        heart. Both models are left at their best on validation.
        """
        steps, epochs, tuning = loaders.train.steps_per_epoch, self.spec.training.epochs, self.spec.finetune
        fresh = tuning.start == "fresh"
        rounds = epochs if fresh else tuning.epochs
        self._enter(Stage.FINETUNING, (rounds + epochs) * steps)
        if fresh:
            small = build_plain(small.inputs.spec, self.ranks, loaders.statistics)
        fit = Trainer(small, small_loaders, self.spec, self.ranks, learning_rate=tuning.learning_rate)
        fit.run(rounds, self._advance, first_epoch=0 if fresh else epochs)
        full = build_plain(self.spec, self.ranks, loaders.statistics)
        Trainer(full, loaders, self.spec, self.ranks).run(epochs, lambda step: self._advance(rounds * steps + step))
        return small, full

    def _advance(self, step: int) -> None:
        if self.ranks.is_leader:
            self.coordination.advance(self.ranks.attempt, step)
