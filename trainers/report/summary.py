"""What the terminal, and a report without JavaScript, say of a prune list, worked out from its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.metrics.quality import HIGHER_IS_BETTER, METRICS
from trainers.simulator.outcome import RoleOutcome, compare

MODELS = {"full": "full", "pruned": "pruned", "finetuned": "fine-tuned"}
TOTALS = {
    "features": "features",
    "dims": "dims",
    "embedding_bytes": "embedding bytes",
    "bytes_per_example": "bytes per example",
}
RULES = {
    "threshold": "kept from a gate of {threshold:g} on",
    "top_k": "the {top_k} highest gates kept",
    "dims": "kept by gate until {share:.0%} of the dims are spent",
    "curve": "the fewest features whose validation logloss is within {delta:g} of that of all",
}


@dataclass(frozen=True, kw_only=True)
class Saving:
    """`saved` is a share of `before`, None where there was nothing to save."""

    label: str
    before: float
    after: float

    @property
    def saved(self) -> float | None:
        return 1 - self.after / self.before if self.before else None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """One metric on the test split; None where it is not defined."""

    metric: str
    full: float | None
    pruned: float | None
    finetuned: float | None

    @property
    def change(self) -> float | None:
        """What the fine-tuned model has over the full one."""
        return None if self.full is None or self.finetuned is None else self.finetuned - self.full

    @property
    def better(self) -> bool | None:
        if not self.change:
            return None
        return (self.change > 0) == (self.metric in HIGHER_IS_BETTER)


def savings(found: Mapping[str, Any]) -> dict[str, Saving]:
    """By the key of TOTALS."""
    return {
        key: Saving(label=label, before=found["before"][key], after=found["after"][key])
        for key, label in TOTALS.items()
    }


def qualities(found: Mapping[str, Any]) -> list[Quality]:
    """The metrics that are defined for any of the models."""
    rows = [
        Quality(metric=metric, **{model: found["metrics"][model][metric] for model in MODELS}) for metric in METRICS
    ]
    return [row for row in rows if (row.full, row.pruned, row.finetuned) != (None, None, None)]


def rule(spec: Mapping[str, Any]) -> str:
    """The rule of a run's spec in words."""
    prune = spec["prune"]
    return RULES[prune["rule"]].format(**prune)


def against(found: Mapping[str, Any], truth: Path | None) -> list[RoleOutcome]:
    """The decisions against the simulator's truth.json; empty without one."""
    if truth is None:
        return []
    decisions = {feature["name"]: feature["decision"] for feature in found["features"]}
    return compare(json.loads(truth.read_text(encoding="utf-8")), decisions)
