"""The kinds of triggers there are."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from service.triggers.candidates import Candidates
from service.triggers.condition import Condition
from service.triggers.freshness import Freshness
from service.triggers.latency import Latency
from service.triggers.manual import Manual

When = Annotated[Candidates | Latency | Freshness | Manual, Field(discriminator="kind")]
_when: TypeAdapter[Condition] = TypeAdapter(When)


def condition_of(kind: str, settings: dict[str, Any]) -> Condition:
    """From what is stored."""
    return _when.validate_python({"kind": kind, **settings})
