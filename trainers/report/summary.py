"""What the terminal, and a report without JavaScript, show of a prune list of any selector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.metrics.quality import HIGHER_IS_BETTER
from trainers.problems import list_names
from trainers.runs.prune_list import (
    FAILED,
    INCONCLUSIVE,
    PASSED,
    BudgetUse,
    Diagnostics,
    ListedFeature,
    PruneList,
    Verdict,
)
from trainers.runs.results import METRICS, MetricDifference, ModelQuality
from trainers.selectors.gates.ranking import OPEN
from trainers.simulator.outcome import RoleOutcome, compare
from trainers.spec import PruneSpec
from trainers.spec.budget import in_unit

VERDICT_SIGNS: dict[Verdict, str] = {PASSED: "✓", FAILED: "✗", INCONCLUSIVE: "?"}
CROSSES = 5  # that are named
# Diagnostics that are statements, with "; " between them, and stand apart from numbers.
STATEMENTS = ("disagreements", "leanings")
DECIMALS = 9  # what is smaller is rounding of 0
MODELS = {"full": "full", "pruned": "pruned", "finetuned": "fine-tuned"}
TOTALS = {
    "features": "features",
    "dims": "dims",
    "embedding_bytes": "embedding bytes",
    "bytes_per_example": "bytes per example",
}
RULES = {
    "threshold": "kept from a score of {threshold:g} on",
    "top_k": "the first {top_k} of the ranking kept",
    "dims": "kept along the ranking while they fit into {share:.0%} of the dims",
    "curve": "the fewest features whose validation logloss is within {delta:g} of that of all",
    "given": "the features named in the spec kept, whatever their scores",
}
# What else keeps a feature, by what its decision says of why.
ELSE_KEPT = {
    "essential": "essential ones always",
    "hand": "some by hand",
    "best": "the best one, as none reaches it",
}


@dataclass(frozen=True, kw_only=True)
class Saving:
    """`share_saved` is a share of `before`, None where there was nothing to save."""

    label: str
    before: float
    after: float

    @property
    def share_saved(self) -> float | None:
        return 1 - self.after / self.before if self.before else None


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric on the test split; None where it is not defined."""

    metric: str
    full: float | None
    pruned: float | None
    finetuned: float | None
    difference: MetricDifference | None = None

    @property
    def change(self) -> float | None:
        """What the fine-tuned model has over the full one."""
        return None if self.full is None or self.finetuned is None else self.finetuned - self.full

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% confidence interval of the change, lowest end first."""
        if self.difference is None or self.difference.interval is None:
            return None
        low, high = self.difference.interval
        return (-high, -low) if self.metric in HIGHER_IS_BETTER else (low, high)

    @property
    def better(self) -> bool | None:
        """None where the change is within noise, or its interval isn't known."""
        if self.change is None or self.difference is None or self.difference.within_noise:
            return None
        return self.difference.drop < 0


def savings(found: PruneList) -> dict[str, Saving]:
    """By the key of TOTALS."""
    return {
        key: Saving(label=label, before=getattr(found.before, key), after=getattr(found.after, key))
        for key, label in TOTALS.items()
    }


def metric_rows(quality: ModelQuality | None) -> list[MetricRow]:
    """The metrics that are defined for any of the models; none where nothing was measured."""
    if quality is None:
        return []
    rows = [
        MetricRow(
            metric=metric,
            full=quality.full.value(metric),
            pruned=quality.pruned.value(metric),
            finetuned=quality.finetuned.value(metric),
            difference=quality.difference(metric),
        )
        for metric in METRICS
    ]
    return [row for row in rows if (row.full, row.pruned, row.finetuned) != (None, None, None)]


def describe_rule(prune: PruneSpec, features: Sequence[ListedFeature] = ()) -> str:
    """The rule of a run's spec in words, and what else keeps any of these features."""
    reasons = {feature.why for feature in features if feature.decision == "keep"}
    others = [words for why, words in ELSE_KEPT.items() if why in reasons]
    return ", ".join([_rule(prune), *others])


def _rule(prune: PruneSpec) -> str:
    if prune.rule != "budget":
        return RULES[prune.rule].format(**prune.model_dump())
    budget = prune.budget(total_dims=0)
    assert budget is not None
    return f"kept along the ranking while they fit into {in_unit(budget.limit, budget.unit)}"


def describe_budget(use: BudgetUse) -> str:
    """How much of a budget was spent, and what on, in one line."""
    line = f"{in_unit(use.spent, use.unit)} spent of {use.limit:,.10g}; all features take {use.total:,.10g}"
    if not use.closed_gates:
        return line
    one = use.closed_gates == 1
    features = "feature that stays has its" if one else "features that stay have their"
    missed = f"{'is' if one else 'are'} not missed by held-out rows"
    return f"{line}; {use.closed_gates} {features} gate below {OPEN} and {missed}: the budget had room"


def describe_copies(found: PruneList) -> str:
    """Which pruned features others carry, in one line; empty where there are none."""
    carried = found.pruned_copies()
    return list_names([f"{name!r} is a copy of {kept!r}, which stays" for name, kept in carried.items()])


def describe_dims(feature: ListedFeature) -> str:
    """How many dims a feature has, and how many stay where some do.

    Example:
        >>> clip = {"name": "clip", "kind": "dense", "dim": 64, "score": 1.0, "decision": "keep", "why": "threshold"}
        >>> describe_dims(ListedFeature(**clip)), describe_dims(ListedFeature(**clip, kept_dims=(0, 3)))
        ('64', '2 of 64')
    """
    return str(feature.dim) if feature.kept_dims is None else f"{len(feature.kept_dims)} of {feature.dim}"


def describe_crosses(found: PruneList) -> str:
    """The crosses that the backbone found most important, in one line; empty where it doesn't tell."""
    named = [f"{' × '.join(cross.features)} {cross.importance:.3g}" for cross in found.interactions[:CROSSES]]
    more = len(found.interactions) - len(named)
    return ", ".join(named) + (f", and {more} more" if more > 0 else "")


def detail_names(features: Sequence[ListedFeature]) -> tuple[str, ...]:
    """What the selector says of features beside the score: every name that occurs, in the order of its first."""
    return tuple(dict.fromkeys(name for feature in features for name in feature.details))


def describe_diagnostics(diagnostics: Diagnostics) -> str:
    """What the selector says of itself, on one line; empty where it says nothing."""
    numbers = ((name, value) for name, value in diagnostics.items() if name not in STATEMENTS)
    return ", ".join(f"{in_words(name)} {_value(value)}" for name, value in numbers)


def statements(diagnostics: Diagnostics) -> dict[str, list[str]]:
    """What a consensus says of its selectors in words, by what it is about."""
    return {name: str(diagnostics[name]).split("; ") for name in STATEMENTS if name in diagnostics}


def in_words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:z,.0f}" if float(value).is_integer() else f"{round(value, DECIMALS):z.3g}"


def compare_with_truth(found: PruneList, truth: Path | None) -> list[RoleOutcome]:
    """The decisions against the simulator's truth.json; empty without one."""
    if truth is None:
        return []
    decisions = {feature.name: feature.decision for feature in found.features}
    return compare(json.loads(truth.read_text(encoding="utf-8")), decisions)
