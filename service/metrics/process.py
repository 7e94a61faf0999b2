"""A process's own counters, and its registry."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from service.core.clock import Clock
from service.metrics.event_counters import EventCounters
from service.metrics.store_gauges import StoreGauges
from service.settings import Settings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FAST = (0.0005, 0.0025, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

# Of no use to Prometheus, which knows when a series began, and as many again as there are counters.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The registry of one application; `text` is what a scrape is answered.

    Args:
        readers: sessions that only read; those of `sessions` where the database needs no others.
        streams: how many streams of events are open.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        readers: sessionmaker[Session],
        settings: Settings,
        now: Clock,
        streams: Callable[[], int],
    ) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "winnow_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._answers = Histogram(
            "winnow_http_request_duration_seconds",
            "Time until an answer began.",
            ["method", "route", "status"],
            buckets=FAST,
            registry=registry,
        )
        self._steps = Histogram(
            "winnow_loop_step_duration_seconds",
            "Time that a step of a background loop took.",
            ["loop"],
            buckets=(*FAST, 30.0, 60.0),
            registry=registry,
        )
        self._failures = Counter(
            "winnow_loop_failures",
            "Failures of background loops: whole steps, and single things that a step looked after.",
            ["loop"],
            registry=registry,
        )
        self._statements = Histogram(
            "winnow_database_statement_duration_seconds",
            "Time that the database took for a statement.",
            buckets=FAST,
            registry=registry,
        )
        open_streams = Gauge("winnow_event_streams", "Streams of events open.", registry=registry)
        open_streams.set_function(streams)
        for engine in {sessions.kw["bind"], readers.kw["bind"]}:
            self._time_statements(engine)
        EventCounters(registry).listen(sessions)
        registry.register(StoreGauges(readers, settings, now))
        ProcessCollector(registry=registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. `route` is a route's template, `seconds` the time until the answer began."""
        labels = (method if method in METHODS else "other", route, f"{status // 100}xx")
        self._requests.labels(*labels).inc()
        self._answers.labels(*labels).observe(seconds)

    def loop(self, name: str) -> None:
        """Let a loop's series begin at 0, so that its first failure is seen as a rise."""
        self._failures.labels(name)

    def step(self, loop: str, seconds: float, failures: int) -> None:
        """Count a loop's step, and what failed in it."""
        self._steps.labels(loop).observe(seconds)
        self._failures.labels(loop).inc(failures)

    def _time_statements(self, engine: Any) -> None:
        def begin(connection: Any, *_: Any) -> None:
            connection.info["began"] = time.perf_counter()

        def end(connection: Any, *_: Any) -> None:
            self._statements.observe(time.perf_counter() - connection.info["began"])

        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
