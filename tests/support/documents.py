"""Documents that a run leaves, complete, for tests of the service that make them without a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainers.runs.progress import Progress
from trainers.runs.prune_list import (
    FAILED,
    LEAP,
    PASSED,
    GuardVerdict,
    Leak,
    ListedFeature,
    PruneList,
    Totals,
    Verdict,
)
from trainers.runs.results import ModelQuality, Quality

QUALITY = Quality(auc=0.75, gauc=None, logloss=0.5, ne=0.9, rows=100, base_rate=0.25)


def progress(**told: Any) -> dict[str, Any]:
    """Of a run that searches, without gates."""
    found = {"state": "running", "stage": "searching", "step": 1, "total_steps": 9, "attempt": 0, **told}
    return Progress.parse(found).document()


def totals(features: int) -> Totals:
    """Of so many dense features of one number."""
    return Totals(features=features, dims=features, embedding_bytes=0, bytes_per_example=4.0 * features)


def prune_list(
    decisions: Mapping[str, str] | None = None,
    *,
    scores: Mapping[str, float] | None = None,
    passed: bool = True,
    verdict: Verdict | None = None,
    banner: str | None = None,
    reason: str = "auc 0.75 → 0.75",
    before: Totals | None = None,
    after: Totals | None = None,
    leaks: tuple[Leak, ...] = (),
) -> dict[str, Any]:
    """A list of dense features with these decisions, by LeAP; of feature `a`, which stays, unless given."""
    decided = {"a": "keep"} if decisions is None else decisions
    kept = sum(decision == "keep" for decision in decided.values())
    found = PruneList(
        name="ranker",
        selector=LEAP,
        features=tuple(
            ListedFeature(
                name=name,
                kind="dense",
                dim=1,
                score=(scores or {}).get(name, 0.9 if decision == "keep" else 0.1),
                details={"divergence": 1.25, "mean_gate": 0.5},
                decision="keep" if decision == "keep" else "prune",
                why="threshold",
            )
            for name, decision in decided.items()
        ),
        before=before or totals(len(decided)),
        after=after or totals(kept),
        metrics=ModelQuality(full=QUALITY, pruned=QUALITY, finetuned=QUALITY),
        guard=GuardVerdict(
            metric="auc",
            max_drop=0.001,
            drop=0.0,
            error=None,
            verdict=verdict or (PASSED if passed else FAILED),
            banner=banner,
            reason=reason,
        ),
        leaks=leaks,
        fingerprints={"spec": "1" * 64},
    )
    return found.with_id().document()
