"""Newly engineered features have accumulated."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from service.store import triggers
from service.triggers.condition import Condition, Facts, Observation


class Candidates(Condition):
    """So many features became candidates since the last selection: FairFS §4.6 waits for 30.

    The last selection is the newest job of the model that wasn't a dry run, and neither failed nor was cancelled.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "candidates", "threshold": 30}]})

    kind: Literal["candidates"] = "candidates"
    threshold: int = Field(default=30, ge=1, le=1_000_000)

    def known(self, session: Session, model: str, now: datetime) -> Facts:
        return Facts(candidates=triggers.candidates(session, model))

    def observe(self, facts: Facts, now: datetime) -> Observation:
        count = facts.candidates or 0
        reason = f"{count} candidates since the last selection, of {self.threshold} that start one"
        return Observation(count >= self.threshold, reason, {"candidates": count})
