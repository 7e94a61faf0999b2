"""One rank's part of a selection run: search, rank, prune, fine-tune, evaluate.

Collective: every rank calls `Selection(...).run()`; rank 0 gets the outcome, the others None. The search is
checkpointed; a run that dies later starts again from the end of its search.
"""

from __future__ import annotations

from collections.abc import Sequence

from trainers.models.ranking import PlainModel
from trainers.pipeline.crosses import add_crosses
from trainers.pipeline.outcome import Decided, build_outcome
from trainers.pipeline.ports import Checkpoints, Coordination
from trainers.pipeline.scoring import CurveScorer, Measured
from trainers.pipeline.search import Search
from trainers.pipeline.searches import open_search
from trainers.pruning.curve import ranking_prefixes
from trainers.pruning.dims import gather
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.pruning.rules import Decision, decide
from trainers.runs.outcome import Outcome
from trainers.runs.progress import Stage
from trainers.runs.results import ModelQuality, QualityDifferences
from trainers.spec import JobSpec
from trainers.spec.order import canonical_order
from trainers.training.build import build_plain
from trainers.training.evaluation import differences
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer, predictions


class Selection:
    """The stages of a run on one rank."""

    def __init__(self, spec: JobSpec, ranks: RankContext, coordination: Coordination, checkpoints: Checkpoints) -> None:
        self.spec, self.ranks, self.coordination = canonical_order(spec), ranks, coordination
        self.search: Search = open_search(self.spec, ranks, coordination, checkpoints)

    def run(self) -> Outcome | None:
        loaders = DataLoaders.open(self.spec, self.ranks)
        found = self.search.run(loaders)
        ranking, full = found.ranking, found.full
        units = rank_features(self.spec, ranking, found.copies, found.constant)
        measured, decisions = self._decide(found.model, loaders, units)
        kept = gather(self.spec, units, decisions)
        ranking = add_crosses(ranking, found.model, kept.names, kept.columns, loaders)
        small, small_loaders = found.model.pruned(kept.names, kept.columns), loaders.with_spec(kept.spec(self.spec))
        del found  # The tables of a gate's search make room for the full model's.
        before = predictions(small, small_loaders, self.ranks)
        tuned, full = self._train(small, small_loaders, loaders, full)
        self._enter(Stage.EVALUATING)
        whole, after = predictions(full, loaders, self.ranks), predictions(tuned, small_loaders, self.ranks)
        if before is None or whole is None or after is None:
            return None
        grouped = self.spec.dataset.group is not None
        metrics = ModelQuality(
            full=whole.metrics(grouped=grouped),
            pruned=before.metrics(grouped=grouped),
            finetuned=after.metrics(grouped=grouped),
            differences=QualityDifferences(
                pruned=differences(whole, before, grouped=grouped), finetuned=differences(whole, after, grouped=grouped)
            ),
        )
        return build_outcome(self.spec, ranking, Decided(units, decisions, kept), measured, metrics)

    def _enter(self, stage: Stage, total: int = 0) -> None:
        self.coordination.enter(self.ranks.attempt, stage, total)

    def _decide(
        self, model: PlainModel, loaders: DataLoaders, features: Sequence[RankedFeature]
    ) -> tuple[Measured, list[Decision]]:
        """The selection curve, and what the rule makes of it; the same on all ranks. `features` may be dims."""
        scorer = CurveScorer(model=model, loaders=loaders, ranks=self.ranks, features=features)
        prefixes = ranking_prefixes(features, self.spec.prune.curve_points)
        points = scorer.score(prefixes)
        decisions = decide(features, self.spec.prune, points)
        kept = tuple(decision.name for decision in decisions if decision.keep)
        own = points[prefixes.index(kept)] if kept in prefixes else scorer.score([kept])[0]
        return Measured(curve=points, own=own), decisions

    def _train(
        self, small: PlainModel, small_loaders: DataLoaders, loaders: DataLoaders, full: PlainModel | None
    ) -> tuple[PlainModel, PlainModel]:
        """The pruned model trained on, and a full one, the guard's measure, trained from scratch unless it was.

        The weights of a gate's search are no measure: they learned behind gates, and with every feature open they may
        know rows by heart. Both models are left at their best on validation.
        """
        steps, epochs, tuning = loaders.train.steps_per_epoch, loaders.plan.epochs, self.spec.finetune
        rounds, fresh = loaders.plan.tuning_epochs, loaders.plan.fresh
        self._enter(Stage.FINETUNING, (rounds + (epochs if full is None else 0)) * steps)
        if fresh:
            small = build_plain(small.inputs.spec, self.ranks)
        fit = Trainer(small, small_loaders, self.spec, self.ranks, learning_rate=tuning.learning_rate)
        fit.run(rounds, self._advance, trained=not fresh, first_epoch=0 if fresh else epochs)
        if full is None:
            full = build_plain(self.spec, self.ranks)
            Trainer(full, loaders, self.spec, self.ranks).run(epochs, lambda step: self._advance(rounds * steps + step))
        return small, full

    def _advance(self, step: int) -> None:
        if self.ranks.is_leader:
            self.coordination.advance(self.ranks.attempt, step)
