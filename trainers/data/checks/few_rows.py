"""Whether there are rows enough for what the spec asks of them: a verdict of the guard, a selector's scores, an end of
training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Protocol

from trainers.metrics.expected_error import auc_error
from trainers.selectors.base import SelectorSpec, TabularSpec
from trainers.spec import JobSpec

CONFIDENCE, POWER = 0.95, 0.8
# Two models of one data set on the same rows: their usual AUC, and how their AUCs go together.
USUAL_AUC, USUAL_CORRELATION = 0.75, 0.95
# A fall of so many times `max_drop` is what every guard should be able to tell.
TIMES = 10
# Of either class; of fewer, scores are chance.
LEAST_OF_A_CLASS = 30


# Of either class in the validation split, whose AUC has a standard error of about 0.05 then.
LEAST_VALIDATED = 50


class SplitRows(Protocol):
    """Of a split."""

    @property
    def rows(self) -> int: ...

    @property
    def positive_share(self) -> float: ...


def guard_warning(spec: JobSpec, test: SplitRows) -> str | None:
    """What to say where the test split is so small that even a fall of TIMES the allowed one would be inconclusive.

    The error of a paired difference is √(2 (1 − r)) of one AUC's. GAUC's is larger. Between `max_drop` and that, most
    lists of small data are decided, as they are better or worse by more; the guard's own reason has the rows that it
    takes, by the errors that were measured.
    """
    guard = spec.prune.guard
    if guard.metric not in {"auc", "gauc"}:
        return None
    positives = test.rows * test.positive_share
    error = auc_error(USUAL_AUC, positives, test.rows - positives) * math.sqrt(2 * (1 - USUAL_CORRELATION))
    reach = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    if not math.isfinite(error) or reach * error <= TIMES * guard.max_drop:
        return None
    tells = (
        f"{test.rows:,} test rows, {positives:,.0f} of them of label 1, tell AUCs apart by about {reach * error:.2g}"
    )
    if not guard.max_drop:
        return f"prune.guard.max_drop: 0 asks for a list that is better for certain; {tells}; allow a drop"
    needed = test.rows * ((reach + NormalDist().inv_cdf(POWER)) * error / guard.max_drop) ** 2
    unit = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return (
        f"prune.guard.max_drop: {tells}, and {guard.max_drop:g} is allowed: the guard can't tell a drop of {TIMES} "
        f"times that; about {math.ceil(needed / unit) * unit:,} test rows tell a drop of {guard.max_drop:g} itself: "
        "take more, or allow more"
    )


def validation_warning(validation: SplitRows) -> str | None:
    """What to say where chance on the validation split decides when training ends."""
    rarer = validation.rows * min(validation.positive_share, 1 - validation.positive_share)
    if rarer >= LEAST_VALIDATED:
        return None
    return (
        f"dataset.validation: {validation.rows:,} rows, about {rarer:.0f} of them of the rarer label, decide when the "
        "models' training ends, and which features are missed: both would be chance, and the guard's full model may be "
        f"a poor one; take more rows, at least {LEAST_VALIDATED} of either label"
    )


def sample_warnings(spec: JobSpec, splits: Mapping[str, SplitRows]) -> Iterator[str]:
    """A line where a selector measures so few rows that its scores are chance."""
    for selector in spec.selector.members:
        yield from _few_measured(selector, splits)


def _few_measured(selector: SelectorSpec, splits: Mapping[str, SplitRows]) -> Iterator[str]:
    option, split = ("sample_rows", "train") if isinstance(selector, TabularSpec) else ("rows", "validation")
    asked = getattr(selector, option, None)
    if asked is None:
        return
    rows = min(asked, splits[split].rows)
    rarer = rows * min(splits[split].positive_share, 1 - splits[split].positive_share)
    neighbors = getattr(selector, "neighbors", 0)
    if rarer < max(LEAST_OF_A_CLASS, neighbors + 1):
        near = f", and a row is compared with its {neighbors} nearest of the same label" if neighbors > rarer else ""
        yield (
            f"selector.{option}: scores of {selector.name} are measured on {rows:,} rows of {split}, about {rarer:.0f} "
            f"of them of the rarer label{near}: they would be chance, or all 0; measure more rows"
            + (f", or lower selector.neighbors to at most {max(1, int(rarer) - 1)}" if near else "")
        )
