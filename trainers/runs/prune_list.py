"""The prune list: versioned, immutable, named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainers.metrics.quality import HIGHER_IS_BETTER, Metrics
from trainers.pruning.curve import FeatureScore
from trainers.pruning.rules import Decision
from trainers.runs.convergence import Polarization
from trainers.spec import GuardSpec

SCHEMA_VERSION = 1
POLARIZED = 0.7
OPEN = 0.5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListedFeature(_Part):
    """`endurance` is the mean gate while gates were penalized; it orders features that closed."""

    name: str
    kind: str
    dim: int
    score: float
    divergence: float
    endurance: float
    decision: Literal["keep", "prune"]
    why: str


class Totals(_Part):
    """`bytes_per_example` counts 4 for a dense float and 8 for a categorical feature, a list taken as one id."""

    features: int
    dims: int
    embedding_bytes: int
    bytes_per_example: float


class Verdict(_Part):
    """`drop` is how much worse the fine-tuned model is than the full one, in `metric`; negative is better. `error` is
    its standard error over the test rows, where one is known."""

    metric: str
    max_drop: float
    drop: float | None
    error: float | None
    passed: bool
    reason: str


class PolarizationFound(_Part):
    """Of the learned gates. A list from gates that haven't parted says so in `warning`."""

    low: float
    middle: float
    high: float
    polarized: bool
    converged: bool
    warning: str | None


class PruneList(_Part):
    schema_version: int = SCHEMA_VERSION
    id: str = ""
    name: str
    features: tuple[ListedFeature, ...]
    before: Totals
    after: Totals
    metrics: dict[str, dict[str, float | int | None]]
    guard: Verdict
    polarization: PolarizationFound
    fingerprints: dict[str, str]

    def sealed(self) -> PruneList:
        """With its id: the SHA-256 of everything else, as canonical JSON."""
        content = self.model_dump(mode="json", exclude={"id"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return self.model_copy(update={"id": hashlib.sha256(text.encode()).hexdigest()})


def judge(spec: GuardSpec, full: Metrics, finetuned: Metrics, error: float | None = None) -> Verdict:
    """Whether the fine-tuned model is worse than the full one by no more than the spec allows.

    `error` is the difference's standard error: where the verdict hangs on less than two of it, the reason says that
    the test split is too small to tell. It also says so where the full model predicts worse than the base rate.
    """
    before, after = full.value(spec.metric), finetuned.value(spec.metric)
    if before is None or after is None:
        reason = f"{spec.metric} is not defined on the test split; choose another guard metric"
        return Verdict(metric=spec.metric, max_drop=spec.max_drop, drop=None, error=None, passed=False, reason=reason)
    drop = before - after if spec.metric in HIGHER_IS_BETTER else after - before
    passed = drop <= spec.max_drop
    moved = f"{spec.metric} {before:.5f} → {after:.5f}, {abs(drop):.5f} {'worse' if drop > 0 else 'better'}"
    reason = f"{moved}; at most {spec.max_drop:g} worse is allowed"
    if error is not None and abs(drop - spec.max_drop) < 2 * error:
        reason += f", and chance alone moves it by {error:.5f} on {full.rows:,} test rows: take a larger test split"
    if full.ne is not None and full.ne > 1:
        reason += f"; a poor yardstick: the full model predicts worse than the base rate (NE {full.ne:.2f}, over 1)"
    return Verdict(metric=spec.metric, max_drop=spec.max_drop, drop=drop, error=error, passed=passed, reason=reason)


def totals(scores: Sequence[FeatureScore], kept: set[str]) -> Totals:
    chosen = [score for score in scores if score.name in kept]
    return Totals(
        features=len(chosen),
        dims=sum(score.dim for score in chosen),
        embedding_bytes=sum(score.embedding_bytes for score in chosen),
        bytes_per_example=sum(score.bytes_per_example for score in chosen),
    )


def over_target(scores: Sequence[FeatureScore], target: float | None) -> str | None:
    """What to say where a search for a share of dims ended with more of them open, by more than one feature."""
    total = sum(score.dim for score in scores)
    open_dims = sum(score.dim for score in scores if score.score >= OPEN)
    if target is None or open_dims - max(score.dim for score in scores) < target * total:
        return None
    return (
        f"{open_dims / total:.0%} of dims are still open where selector.target_dims asks for {target:.0%}; "
        "train longer, or cut by prune.rule dims"
    )


def polarization_of(found: Polarization, converged: bool, missed: str | None = None) -> PolarizationFound:
    """`missed` is a warning of a search that fell short of its target; it outweighs others."""
    polarized = found.low + found.high >= POLARIZED
    warning = missed
    if warning is None and not polarized:
        warning = (
            f"{found.middle:.0%} of the gates lie between 0.1 and 0.9: the scores rank features weakly; "
            "train longer, or change selector.alpha"
        )
    if warning is None and not converged:
        warning = "gates were still moving when the search ended; train longer to be sure of those near the threshold"
    return PolarizationFound(
        low=found.low, middle=found.middle, high=found.high, polarized=polarized, converged=converged, warning=warning
    )


def listed(scores: Sequence[FeatureScore], decisions: Sequence[Decision]) -> tuple[ListedFeature, ...]:
    """Features with their decisions, in the decisions' order."""
    by_name: Mapping[str, FeatureScore] = {score.name: score for score in scores}
    return tuple(
        ListedFeature(
            name=decision.name,
            kind=by_name[decision.name].kind,
            dim=by_name[decision.name].dim,
            score=by_name[decision.name].score,
            divergence=by_name[decision.name].divergence,
            endurance=by_name[decision.name].endurance,
            decision="keep" if decision.keep else "prune",
            why=decision.why,
        )
        for decision in decisions
    )


def schema() -> dict[str, Any]:
    """JSON Schema of a prune list."""
    return PruneList.model_json_schema()
