"""The guard: whether the fine-tuned model is good enough to replace the full one."""

from __future__ import annotations

from trainers.metrics.quality import HIGHER_IS_BETTER
from trainers.runs.prune_list import GuardVerdict
from trainers.runs.results import Quality
from trainers.spec import GuardSpec


def evaluate_guard(spec: GuardSpec, full: Quality, finetuned: Quality, error: float | None = None) -> GuardVerdict:
    """Whether the fine-tuned model is worse than the full one by no more than the spec allows.

    Args:
        spec: the metric, and how much worse is allowed, in its units.
        full, finetuned: quality of the two models on the same test rows.
        error: standard error of the difference, in the metric's units. Where the verdict depends on less than two of
            it, the reason says that the test split is too small.

    Returns:
        The verdict. Its reason also says where the full model predicts worse than the base rate: such a model is no
        measure for another.
    """
    before, after = full.value(spec.metric), finetuned.value(spec.metric)
    if before is None or after is None:
        reason = f"{spec.metric} is not defined on the test split; choose another guard metric"
        return GuardVerdict(
            metric=spec.metric, max_drop=spec.max_drop, drop=None, error=None, passed=False, reason=reason
        )
    drop = before - after if spec.metric in HIGHER_IS_BETTER else after - before
    passed = drop <= spec.max_drop
    moved = f"{spec.metric} {before:.5f} → {after:.5f}, {abs(drop):.5f} {'worse' if drop > 0 else 'better'}"
    reason = f"{moved}; at most {spec.max_drop:g} worse is allowed"
    if error is not None and abs(drop - spec.max_drop) < 2 * error:
        reason += f", and chance alone moves it by {error:.5f} on {full.rows:,} test rows: take a larger test split"
    if full.ne is not None and full.ne > 1:
        reason += (
            f"; the full model itself predicts worse than the base rate (NE {full.ne:.2f}, over 1), "
            "so a comparison with it says little"
        )
    return GuardVerdict(
        metric=spec.metric, max_drop=spec.max_drop, drop=drop, error=error, passed=passed, reason=reason
    )
