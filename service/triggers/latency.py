"""Serving has become too slow."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from service.api.problems import ApiError
from service.schemas.common import storable
from service.settings import Settings
from service.store import triggers
from service.triggers.condition import Condition, Facts, Observation
from service.triggers.prometheus import ask

MAX_WINDOW_SECONDS = 24 * 3600


class Latency(Condition):
    """The 99th percentile of serving latency is over its maximum (FairFS §4.6).

    It is the median of what was reported within the window, where there are reports enough; or, where there is a
    query, what the operator's Prometheus answers.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "latency", "max_seconds": 0.05, "window_seconds": 600, "min_reports": 5},
                {
                    "kind": "latency",
                    "max_seconds": 0.05,
                    "query": "histogram_quantile(0.99, sum by (le) (rate(serving_seconds_bucket[5m])))",
                },
            ]
        }
    )

    kind: Literal["latency"] = "latency"
    max_seconds: float = Field(gt=0, le=3600)
    window_seconds: int = Field(default=600, ge=1, le=MAX_WINDOW_SECONDS, description="how old a report may be")
    min_reports: int = Field(default=3, ge=1, le=10_000, description="fewer within the window decide nothing")
    query: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        default=None, description="PromQL for the latency in seconds, one series or a scalar; reports then don't count"
    )

    def check(self, settings: Settings) -> None:
        if self.query is not None and not storable(self.query):
            raise ApiError(422, "bad-query", "when.query: give text without NUL characters and halves of surrogates")
        if self.query is not None and settings.prometheus_url is None:
            detail = "when.query: no Prometheus is set; the operator sets WINNOW_PROMETHEUS_URL, or report latencies"
            raise ApiError(422, "no-prometheus", detail)

    def known(self, session: Session, model: str, now: datetime) -> Facts:
        if self.query is not None:
            return Facts()
        found = triggers.latencies(session, model, now - timedelta(seconds=self.window_seconds), now)
        return Facts(p99_seconds=median(found) if found else None, reports=len(found))

    def look(self, settings: Settings, facts: Facts) -> Facts:
        if self.query is None or facts.p99_seconds is not None:
            return facts
        return facts.model_copy(update={"p99_seconds": ask(settings, self.query)})

    def observe(self, facts: Facts, now: datetime) -> Observation:
        p99, reports = facts.p99_seconds, facts.reports or 0
        observed = {"p99_seconds": p99, "max_seconds": self.max_seconds}
        if self.query is None:
            observed["reports"] = reports
            if reports < self.min_reports:
                few = f"fewer than {self.min_reports} reports within {self.window_seconds} s"
                return Observation(False, few, observed)
        if p99 is None:
            return Observation(False, "the query has no value now", observed)
        over = p99 > self.max_seconds
        reason = f"p99 is {'over' if over else 'not over'} its maximum of {self.max_seconds:g} s"
        return Observation(over, reason, observed)
