"""From what a selection found to the outcome that is handed to the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainers.pipeline.scoring import Measured
from trainers.pruning.budget import describe_use
from trainers.pruning.diagnostics import gate_diagnostics, gate_warning, target_warning
from trainers.pruning.dims import Kept
from trainers.pruning.guard import evaluate_guard
from trainers.pruning.listing import list_features, list_weights, sum_totals
from trainers.pruning.ranking import RankedFeature
from trainers.pruning.rules import Decision
from trainers.runs.convergence import measure_polarization
from trainers.runs.outcome import Outcome
from trainers.runs.prune_list import Diagnostics, Interaction, SelectorInfo
from trainers.runs.results import ModelQuality
from trainers.selectors.base import GateSpec, Ranking
from trainers.spec import JobSpec


@dataclass(frozen=True)
class Decided:
    """A rule's work.

    Attributes:
        units: the ranking's features, essential ones first, or dims where the spec ranks those.
        decisions: what the rule made of them, in the same order.
        kept: what that makes of the features.
    """

    units: Sequence[RankedFeature]
    decisions: Sequence[Decision]
    kept: Kept


def build_outcome(
    spec: JobSpec, ranking: Ranking, decided: Decided, measured: Measured, metrics: ModelQuality
) -> Outcome:
    """The outcome of a run.

    Args:
        spec: of the run.
        ranking: what the selector found.
        decided: what the rule made of it.
        measured: the selection curve, and the point of the decisions.
        metrics: quality of the three models on the test split.
    """
    selector, budget = spec.selector, spec.prune.budget(sum(spec.dims.values()))
    # A list counts features; of gates on dims it has none to count.
    gates = selector.family == "gate" and selector.probability_like and not spec.by_dim
    kept, all_stay = decided.kept, all(decision.keep for decision in decided.decisions)
    diagnostics, warning = _gate_findings(spec, decided.units)
    return Outcome(
        selector=SelectorInfo(name=selector.name, family=selector.family, probability_like=selector.probability_like),
        features=list_features(kept.features, kept.decisions),
        weights=list_weights(kept.features),
        interactions=tuple(
            Interaction(features=each.features, importance=each.importance) for each in ranking.interactions
        ),
        before=sum_totals(spec.features),
        after=sum_totals(kept.spec(spec).features),
        curve=tuple(measured.curve),
        own=measured.own,
        metrics=metrics,
        guard=evaluate_guard(spec.prune.guard, metrics, prunes=not all_stay),
        budget=None if budget is None else describe_use(decided.units, decided.decisions, budget, gates=gates),
        diagnostics={**diagnostics, **ranking.diagnostics},
        warning=warning,
    )


def _gate_findings(spec: JobSpec, features: Sequence[RankedFeature]) -> tuple[Diagnostics, str | None]:
    """Diagnostics and warning of gates in [0, 1]; nothing of other selectors."""
    selector = spec.selector
    if selector.family != "gate" or not selector.probability_like:
        return {}, None
    parted = measure_polarization(np.array([each.score for each in features if not each.essential] or [1.0]))
    missed = target_warning(features, getattr(selector, "target_dims", None))
    penalized = isinstance(selector, GateSpec) and selector.penalized
    return gate_diagnostics(parted), gate_warning(parted, missed, seeds=spec.training.seeds, penalized=penalized)
