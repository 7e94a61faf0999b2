"""Which search a selector takes; the one of several selectors is made of theirs."""

from __future__ import annotations

from dataclasses import replace

from trainers.pipeline.ports import Checkpoints, Coordination
from trainers.pipeline.sampling import draw_facts
from trainers.pipeline.search import Found, GateSearch, ModelSearch, Search, SeedRun, carry_copies
from trainers.selectors.base import GateSpec, Ranking, SelectorSpec, SensitivitySpec
from trainers.selectors.combined.consensus import ConsensusSpec
from trainers.selectors.combined.consensus.agreement import combine, compare
from trainers.selectors.combined.consensus.disagreement import explain
from trainers.spec import JobSpec
from trainers.training.build import build_plain
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext

# Training rows that dims, sparsity and redundancy are looked at on: an |r| is off by 0.03 at most, most of the time.
FACT_ROWS = 4096


def open_search(
    spec: JobSpec, ranks: RankContext, coordination: Coordination, checkpoints: Checkpoints
) -> GateSearch | ModelSearch | ConsensusSearch:
    """The search of the spec's selector."""
    if isinstance(spec.selector, ConsensusSpec):
        return ConsensusSearch(spec, ranks, coordination, checkpoints)
    search = GateSearch if isinstance(spec.selector, GateSpec) else ModelSearch
    return search(spec, ranks, coordination, checkpoints)


def trains_alone(selector: SelectorSpec) -> bool:
    """Whether the selector ranks by a model that is trained in a way of its own."""
    if isinstance(selector, SensitivitySpec):
        return selector.training_term() is not None
    return isinstance(selector, GateSpec)


class ConsensusSearch(Search):
    """Several selectors over the same rows.

    Those that train a model in their own way are searched one after another; the model goes with its ranking. The
    plain model is trained last: all other selectors rank by it, the curve is measured on it, the pruned model is cut
    from it, and it is the guard's full one. A checkpoint is of the part that is trained, and has the rankings before
    it.
    """

    def search(self, run: SeedRun) -> Found:
        selector = self.spec.selector
        assert isinstance(selector, ConsensusSpec)
        members = dict(zip(selector.labels, selector.of, strict=True))
        alone = [label for label, member in members.items() if trains_alone(member)]
        count, begun, finished = len(alone) + 1, len(run.finished.parts), run.finished

        def part(place: int, loaders: DataLoaders) -> SeedRun:
            return replace(
                run,
                loaders=loaders,
                finished=finished,
                resumes=run.resumes and place == begun,
                number=(run.number - 1) * count + place + 1,
                count=run.count * count,
            )

        for place, label in enumerate(alone[begun:], begun):
            spec = run.loaders.spec.model_copy(update={"selector": members[label]})
            own = part(place, run.loaders.with_spec(spec))
            found = self._open(members[label]).search(own)
            finished = finished.add_part(found.ranking, found.steps)
            del found  # Its tables make room for the next model's.
        last = part(len(alone), run.loaders)
        model = build_plain(run.loaders.spec, self.ranks)
        steps = ModelSearch(self.spec, self.ranks, self.coordination, self.checkpoints).train(model, last)
        self.enter_ranking(last)
        rankings = dict(zip(alone, finished.parts, strict=True))
        for label in (label for label in members if label not in alone):
            search = self._open(members[label])
            assert isinstance(search, ModelSearch)
            rankings[label] = search.rank(model, run.loaders)
        ranking = self._combine({label: rankings[label] for label in members}, run.loaders)
        return Found(model, ranking, finished.steps - run.began + steps, full=model)

    def _open(self, selector: SelectorSpec) -> GateSearch | ModelSearch:
        """The search of one of the selectors."""
        spec = self.spec.model_copy(update={"selector": selector})
        search = GateSearch if isinstance(selector, GateSpec) else ModelSearch
        return search(spec, self.ranks, self.coordination, self.checkpoints)

    def _combine(self, rankings: dict[str, Ranking], loaders: DataLoaders) -> Ranking:
        """Collective; on rank 0."""
        copies, ranking = self.copies(loaders), None
        if self.ranks.is_leader:
            essential = [feature.name for feature in self.spec.features if self.spec.is_essential(feature)]
            rankings = dict(zip(rankings, carry_copies(self.spec, list(rankings.values()), copies), strict=True))
            agreement = compare(rankings, essential)
            ranking = combine(agreement, rankings)
            said = explain(agreement, draw_facts(self.spec, FACT_ROWS))
            own = {
                f"{label}_{name}": value for label, each in rankings.items() for name, value in each.diagnostics.items()
            }
            ranking = replace(ranking, diagnostics={**ranking.diagnostics, **said, **own})
        return self.ranks.broadcast(ranking)
