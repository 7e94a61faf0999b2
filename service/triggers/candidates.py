"""Newly engineered features have accumulated."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.schemas.conditions import Candidates, Facts
from service.store import triggers
from service.triggers.condition import Condition, Observation


class CandidatesCondition(Condition[Candidates]):
    """Counts the candidates since the last selection."""

    def stored_facts(self, session: Session, model: str, now: datetime) -> Facts:
        return Facts(candidates=triggers.candidates(session, model))

    def observe(self, facts: Facts, now: datetime) -> Observation:
        count = facts.candidates or 0
        reason = f"{count} candidates since the last selection, of {self.options.threshold} that start one"
        return Observation(count >= self.options.threshold, reason, {"candidates": count})
