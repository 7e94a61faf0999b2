"""The kinds of triggers there are."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from service.schemas.conditions import Options, When
from service.triggers.candidates import CandidatesCondition
from service.triggers.condition import Condition
from service.triggers.freshness import FreshnessCondition
from service.triggers.latency import LatencyCondition
from service.triggers.manual import ManualCondition

KINDS: dict[str, type[Condition[Any]]] = {
    "candidates": CandidatesCondition,
    "latency": LatencyCondition,
    "freshness": FreshnessCondition,
    "manual": ManualCondition,
}
_options: TypeAdapter[Options] = TypeAdapter(When)


def condition_of(options: Options) -> Condition[Any]:
    return KINDS[options.kind](options)


def read_options(kind: str, settings: dict[str, Any]) -> Options:
    """From what is stored of a trigger."""
    return _options.validate_python({"kind": kind, **settings})


def stored_condition(kind: str, settings: dict[str, Any]) -> Condition[Any]:
    """Of a trigger as it is stored."""
    return condition_of(read_options(kind, settings))
