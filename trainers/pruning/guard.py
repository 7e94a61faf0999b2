"""The guard: whether the fine-tuned model is good enough to replace the full one.

A test of non-inferiority: the list passes where the whole 95% interval of the drop lies within what the spec allows,
fails where all of it lies beyond, and is inconclusive between. A model that predicts nothing measures nothing: no list
passes by one.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import get_args

from trainers.metrics.expected_error import auc_error
from trainers.metrics.significance import CONFIDENCE
from trainers.runs.prune_list import FAILED, INCONCLUSIVE, PASSED, GuardVerdict, Verdict
from trainers.runs.results import MetricDifference, ModelQuality, Quality
from trainers.spec import GuardSpec
from trainers.spec.prune import GuardMetric

POWER = 0.8  # how often `rows_needed` rows would decide
MOST_ROWS = 10**12  # more can't be had: the drop is at its limit


def evaluate_guard(spec: GuardSpec, metrics: ModelQuality, *, prunes: bool = True) -> GuardVerdict:
    """Whether the fine-tuned model is worse than the full one by no more than the spec allows.

    Args:
        spec: the metric, how much worse is allowed, in its units, and the limits of the other metrics.
        metrics: quality of the models on the same test rows, and the differences from the full one.
        prunes: whether the list prunes anything. Where it doesn't, two trainings of one model are compared, which says
            nothing of the list: it passes.

    Returns:
        The verdict. Where the full or the fine-tuned model predicts no better than chance, a list that would pass is
        inconclusive, whatever the difference between the two, and the reason says so.
    """
    limits = {
        metric: spec.limits.get(metric, spec.max_drop) for metric in get_args(GuardMetric) if metric != spec.metric
    }
    found = metrics.difference(spec.metric)
    verdict, needed = decide_verdict(found, spec.max_drop, metrics.full.rows)
    reason = _describe(spec, metrics, found, verdict, needed)
    broken = find_broken_model(metrics)
    if broken is not None and found is not None:
        verdict, needed = FAILED if verdict == FAILED else INCONCLUSIVE, None
        reason += (
            f"; {broken}, so that a comparison says little: train it better (fewer epochs, other data) and run again"
        )
    if not prunes:
        verdict, needed = PASSED, None
        reason = "nothing is pruned, so the model stays as it is; what differs is the chance of training it twice"
    return GuardVerdict(
        metric=spec.metric,
        max_drop=spec.max_drop,
        drop=found and found.drop,
        error=found and found.error,
        interval=found and found.interval,
        verdict=verdict,
        rows_needed=needed,
        limits=limits,
        banner=_banner(limits, metrics) if prunes else None,
        reason=reason,
    )


def find_broken_model(metrics: ModelQuality) -> str | None:
    """Which of the two compared models predicts no better than chance, and by which number; None where neither does."""
    for name, quality in (("full", metrics.full), ("fine-tuned", metrics.finetuned)):
        if (why := _no_better_than_chance(quality)) is not None:
            return f"the {name} model predicts no better than {why}"
    return None


def _no_better_than_chance(quality: Quality) -> str | None:
    """None where it is better. Comparisons are written so that NaN is no better."""
    if quality.auc is None or quality.ne is None:
        return "chance as far as can be told (the test rows have one class)"
    if not quality.ne < 1:
        return f"the base rate (NE {quality.ne:.5g}, where the base rate has 1)"
    error = auc_error(quality.auc, quality.rows * quality.base_rate, quality.rows * (1 - quality.base_rate))
    if not quality.auc - NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * error > 0.5:
        return f"chance (AUC {quality.auc:.5f} with a standard error of {error:.2g}, where chance has 0.5)"
    return None


def decide_verdict(found: MetricDifference | None, limit: float, rows: int) -> tuple[Verdict, int | None]:
    """The verdict on a drop, and of an inconclusive one how many rows would decide it; None where none would."""
    if found is None or found.interval is None:
        return INCONCLUSIVE, None
    low, high = found.interval
    if high <= limit:
        return PASSED, None
    if low > limit:
        return FAILED, None
    return INCONCLUSIVE, rows_needed(found, limit, rows)


def rows_needed(found: MetricDifference, limit: float, rows: int) -> int | None:
    """With how many rows the interval leaves the limit out, with probability POWER, if the drop stays as it is.

    The error falls with the root of the rows: n · ((z₀.₉₇₅ + z₀.₈) · error / |limit − drop|)².
    """
    distance = abs(limit - found.drop)
    if not found.error or distance == 0:
        return None
    spread = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) + NormalDist().inv_cdf(POWER)
    needed = rows * (spread * found.error / distance) ** 2
    return math.ceil(needed) if needed <= MOST_ROWS else None


def describe_drop(drop: float) -> str:
    return f"{abs(drop):.5f} {'worse' if drop > 0 else 'better'}"


def describe_interval(interval: tuple[float, float]) -> str:
    """From what to what, the better end first."""
    return f"95% interval {describe_drop(interval[0])} to {describe_drop(interval[1])}"


def _describe(
    spec: GuardSpec, metrics: ModelQuality, found: MetricDifference | None, verdict: Verdict, needed: int | None
) -> str:
    before, after = metrics.full.value(spec.metric), metrics.finetuned.value(spec.metric)
    if before is None or after is None or found is None:
        return f"{spec.metric} is not defined on the test split; choose another guard metric"
    reason = f"{spec.metric} {before:.5f} → {after:.5f}, {describe_drop(found.drop)}"
    if found.interval is not None:
        reason += f" ({describe_interval(found.interval)})"
    reason += f"; at most {spec.max_drop:g} worse is allowed"
    if verdict == INCONCLUSIVE:
        reason += f"; {metrics.full.rows:,} test rows can't tell"
        reason += (
            f", about {_rounded(needed):,} would decide it, if the drop stays as it is" if needed is not None else ""
        )
    return reason


def _rounded(rows: int) -> int:
    """Up, to two digits."""
    unit: int = 10 ** max(0, len(str(rows)) - 2)
    return -(-rows // unit) * unit


def _banner(limits: dict[str, float], metrics: ModelQuality) -> str | None:
    """Other metrics whose fall is beyond its limit and no chance."""
    fell = []
    for metric, limit in limits.items():
        found = metrics.difference(metric)
        if found is None or found.interval is None or found.drop <= limit or found.interval[0] <= 0:
            continue
        fell.append(f"{metric} is {describe_drop(found.drop)} ({describe_interval(found.interval)}), limit {limit:g}")
    return "; ".join(fell) or None
