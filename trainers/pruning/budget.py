"""Features within a budget: along the ranking, each that still fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sharding.layout import split_dim
from trainers.pruning.ranking import RankedFeature
from trainers.runs.prune_list import CONSTANT, COPY, BudgetUse
from trainers.selectors.gates.ranking import OPEN
from trainers.spec.budget import Budget, in_unit

if TYPE_CHECKING:
    from trainers.pruning.rules import Decision

# Of the limit, what may be left without a word.
CLOSE = 0.03
# Reasons to prune that aren't for want of room.
FREE = (CONSTANT, COPY)


def fill(order: Sequence[RankedFeature], budget: Budget) -> set[str]:
    """What is kept: essential features, whatever they take, then along the ranking all that fit, but no constant
    feature and no copy of one that is kept: they cost little and give nothing.

    A feature too wide for what is left is passed over, and narrower ones after it may still come in: what is left
    unspent helps nobody. So no feature that was passed over fits in what is left at the end, and a larger budget is
    never spent less.

    Args:
        order: the ranking, essential features first.
        budget: what may be kept at most.
    """
    kept, spent = set[str](), 0.0
    for feature in order:
        takes = feature.weight(budget.unit)
        fits = budget.fits(spent + takes) and not feature.constant and not kept & set(feature.copies)
        if feature.essential or fits:
            kept.add(feature.name)
            spent += takes
    return kept


def describe_use(
    order: Sequence[RankedFeature], decisions: Sequence[Decision], budget: Budget, *, gates: bool
) -> BudgetUse:
    """What was made of the budget.

    Args:
        order: the ranking.
        decisions: what the rule made of it, in the same order.
        budget: the rule's.
        gates: whether scores are gates, which may have closed.
    """
    pairs = list(zip(order, decisions, strict=True))
    kept = [feature for feature, decision in pairs if decision.keep]
    spent = sum(feature.weight(budget.unit) for feature in kept)
    passed_over = next((feature for feature, decision in pairs if not decision.keep and decision.why not in FREE), None)
    takes = None if passed_over is None else passed_over.weight(budget.unit)
    warning = None
    if passed_over is not None and takes is not None and spent < (1 - CLOSE) * budget.limit:
        warning = (
            f"{in_unit(budget.limit - spent, budget.unit)} of {budget.limit:,.10g} are left: the next feature of the "
            f"ranking, {passed_over.name!r}, takes {in_unit(takes, budget.unit)}, and none of those after it fits"
        )
    return BudgetUse(
        unit=budget.unit,
        limit=budget.limit,
        spent=spent,
        total=sum(feature.weight(budget.unit) for feature in order),
        closed_gates=sum(map(_fills, kept)) if gates else None,
        passed_over=None if passed_over is None else split_dim(passed_over.name)[0],
        passed_over_takes=takes,
        warning=warning,
    )


def _fills(feature: RankedFeature) -> bool:
    """Whether the gate is closed, and held-out rows don't miss the feature."""
    return not feature.essential and feature.score < OPEN and not feature.missed
