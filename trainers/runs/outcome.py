"""What the workers of a run found: handed from rank 0 to the coordinator, and by it to the driver that writes files."""

from __future__ import annotations

from trainers.runs.prune_list import (
    BudgetUse,
    Diagnostics,
    GuardVerdict,
    Interaction,
    ListedFeature,
    SelectorInfo,
    Totals,
)
from trainers.runs.results import CurvePoint, FeatureWeight, ModelQuality
from trainers.runs.schema import Schema


class Outcome(Schema):
    """`features` and `weights` are in the order of the ranking; the sparsity of weights isn't known yet."""

    selector: SelectorInfo
    features: tuple[ListedFeature, ...]
    weights: tuple[FeatureWeight, ...]
    interactions: tuple[Interaction, ...] = ()
    before: Totals
    after: Totals
    curve: tuple[CurvePoint, ...]
    own: CurvePoint | None = None
    metrics: ModelQuality
    guard: GuardVerdict
    budget: BudgetUse | None = None
    diagnostics: Diagnostics
    warning: str | None = None
