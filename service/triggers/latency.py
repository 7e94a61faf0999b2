"""Serving has become too slow."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

from sqlalchemy.orm import Session

from service.core.errors import InvalidError
from service.schemas.common import storable
from service.schemas.conditions import Facts, Latency
from service.settings import Settings
from service.store import triggers
from service.triggers.condition import Condition, Observation
from service.triggers.prometheus import ask


class LatencyCondition(Condition[Latency]):
    """Compares the serving latency, reported or asked of Prometheus, with its maximum."""

    def check(self, settings: Settings) -> None:
        if self.options.query is not None and not storable(self.options.query):
            raise InvalidError("bad-query", "when.query: give text without NUL characters and halves of surrogates")
        if self.options.query is not None and settings.prometheus_url is None:
            detail = "when.query: no Prometheus is set; the operator sets WINNOW_PROMETHEUS_URL, or report latencies"
            raise InvalidError("no-prometheus", detail)

    def stored_facts(self, session: Session, model: str, now: datetime) -> Facts:
        if self.options.query is not None:
            return Facts()
        found = triggers.latencies(session, model, now - timedelta(seconds=self.options.window_seconds), now)
        return Facts(p99_seconds=median(found) if found else None, reports=len(found))

    def gather_facts(self, settings: Settings, facts: Facts) -> Facts:
        if self.options.query is None or facts.p99_seconds is not None:
            return facts
        return facts.model_copy(update={"p99_seconds": ask(settings, self.options.query)})

    def observe(self, facts: Facts, now: datetime) -> Observation:
        p99, reports = facts.p99_seconds, facts.reports or 0
        observed = {"p99_seconds": p99, "max_seconds": self.options.max_seconds}
        if self.options.query is None:
            observed["reports"] = reports
            if reports < self.options.min_reports:
                few = f"fewer than {self.options.min_reports} reports within {self.options.window_seconds} s"
                return Observation(False, few, observed)
        if p99 is None:
            return Observation(False, "the query has no value now", observed)
        over = p99 > self.options.max_seconds
        reason = f"p99 is {'over' if over else 'not over'} its maximum of {self.options.max_seconds:g} s"
        return Observation(over, reason, observed)
