"""What no author of a spec means by rule budget.

It is looked for before anything starts; see `trainers/spec/consistency.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainers.spec.budget import in_unit, weight_in

if TYPE_CHECKING:
    from trainers.spec.job import JobSpec

# Copies of features that stay are pruned under every rule but `given`, whatever room there is.
ONLY_COPIES = "nothing but constant features and copies of others is pruned"


def budget_too_small(spec: JobSpec) -> Iterator[str]:
    """Where the essential features alone exceed the budget of rule budget, or no feature fits into it."""
    if spec.prune.rule != "budget":
        return
    limit = _Limit(spec)
    if limit.essential and not limit.budget.fits(used := sum(limit.essential.values())):
        most = max(limit.essential, key=limit.essential.__getitem__)
        yield (
            f"{limit.field}: {limit.told(limit.budget.limit)}, and the essential features alone take "
            f"{limit.told(used)}, {most!r} the most with {limit.told(limit.essential[most])}; give at least "
            f"{limit.number(used)}, or make fewer features essential"
        )
    elif not limit.essential and not limit.budget.fits(least := min(limit.least.values())):
        (name, *_) = (name for name, weight in limit.least.items() if weight == least)
        yield (
            f"{limit.field}: {limit.told(limit.budget.limit)}, and the narrowest feature, {name!r}, takes "
            f"{limit.told(least)}: no feature could be kept; give at least {limit.number(least)}"
        )


def unread_by_budget(spec: JobSpec) -> Iterator[str]:
    """Where rule budget decides nothing, or counts what nobody gave it."""
    if spec.prune.rule != "budget":
        return
    limit = _Limit(spec)
    used = sum(limit.essential.values())
    total = used + sum(limit.others.values())
    if limit.budget.unit == "cost" and all(feature.cost is None for feature in spec.features):
        yield "prune.keep_cost: no feature has a `cost`, so that each costs its dim; give costs, or use keep_dims"
    if not limit.others or not limit.budget.fits(used):
        return
    if limit.budget.fits(total):
        yield (
            f"{limit.field}: {limit.told(limit.budget.limit)} is room for all features, which take "
            f"{limit.told(total)}, so that {ONLY_COPIES}; lower it"
        )
    elif limit.essential and not limit.budget.fits(used + min(limit.least.values())):
        yield (
            f"{limit.field}: of {limit.told(limit.budget.limit)} the essential features take {limit.told(used)}, which "
            "leaves room for no other: every other feature is pruned, whatever its score"
        )


class _Limit:
    """The limit of rule budget, and what features take of it: the essential ones and the others, by name."""

    def __init__(self, spec: JobSpec) -> None:
        budget = spec.prune.budget(sum(spec.dims.values()))
        assert budget is not None
        self.budget, self.field = budget, f"prune.keep_{budget.unit}"
        self.essential = {each.name: weight_in(budget.unit, each) for each in spec.features if spec.is_essential(each)}
        self.others = {
            each.name: weight_in(budget.unit, each) for each in spec.features if each.name not in self.essential
        }
        # The least that may stay of a feature.
        self.least = {each.name: self.others[each.name] / (each.width if spec.by_dim else 1)
                      for each in spec.features if each.name in self.others}  # fmt: skip

    def told(self, amount: float) -> str:
        return in_unit(amount, self.budget.unit)

    def number(self, amount: float) -> str:
        """As the spec has it."""
        return repr(round(amount, 9)) if self.budget.unit == "cost" else str(int(amount))
