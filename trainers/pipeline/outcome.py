"""From what a selection found to the outcome that is handed to the coordinator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.pruning.curve import FeatureScore
from trainers.pruning.diagnostics import gate_diagnostics, gate_warning, target_warning
from trainers.pruning.guard import evaluate_guard
from trainers.pruning.listing import list_features, list_weights, sum_totals
from trainers.pruning.rules import Decision
from trainers.runs.convergence import measure_polarization
from trainers.runs.outcome import Outcome
from trainers.runs.prune_list import SelectorInfo
from trainers.runs.results import CurvePoint, ModelQuality
from trainers.spec import JobSpec


def build_outcome(
    spec: JobSpec,
    scores: Sequence[FeatureScore],
    decisions: Sequence[Decision],
    curve: Sequence[CurvePoint],
    metrics: ModelQuality,
    error: float | None = None,
) -> Outcome:
    """The outcome of a run.

    Args:
        spec: of the run.
        scores: what the selector found of each feature.
        decisions: what the rule made of them, in the order of the ranking.
        curve: the selection curve, fewest features first.
        metrics: quality of the three models on the test split.
        error: standard error of the difference of the guard's metric between the full and the fine-tuned model.
    """
    selector = spec.selector
    parted = measure_polarization(np.array([score.score for score in scores if not score.essential] or [1.0]))
    return Outcome(
        selector=SelectorInfo(name=selector.name, family=selector.family, probability_like=selector.probability_like),
        features=list_features(scores, decisions),
        weights=list_weights(scores, decisions),
        before=sum_totals(scores, {score.name for score in scores}),
        after=sum_totals(scores, {decision.name for decision in decisions if decision.keep}),
        curve=tuple(curve),
        metrics=metrics,
        guard=evaluate_guard(spec.prune.guard, metrics.full, metrics.finetuned, error),
        diagnostics=gate_diagnostics(parted),
        warning=gate_warning(parted, target_warning(scores, getattr(selector, "target_dims", None))),
    )
