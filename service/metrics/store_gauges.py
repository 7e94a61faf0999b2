"""What the store says at a scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session, sessionmaker

from service.core.clock import Clock
from service.core.job_state import JobState
from service.metrics.run_gauges import families
from service.settings import Settings
from service.store import aggregates, jobs

# Whose contents one scrape reads: after a start with more active lists than these, the next scrapes go on.
LISTS = 50


class StoreGauges(Collector):
    """Reads the store each time; the same on every replica."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings, now: Clock) -> None:
        self.sessions, self.settings, self.now = sessions, settings, now
        # Of lists by number, while they are active: contents are large, and never change.
        self._figures: dict[int, aggregates.ListFigures] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing: a registry that asks would read the store before it is there."""
        return ()

    def collect(self) -> Iterator[Metric]:
        with self.sessions() as session:
            now = self.now()
            yield from self._jobs(session, now)
            yield from self._models(session, now)
            yield from _starting(session, now)
            running = aggregates.list_running(session)
        yield from families(running, now, self.settings.metrics_features)

    def _jobs(self, session: Session, now: datetime) -> Iterator[GaugeMetricFamily]:
        by_state = _gauge("winnow_jobs", "Jobs in the store by state.", "state")
        counted = jobs.count_by_state(session)
        for state in JobState:
            by_state.add_metric([state.value], counted.get(state.value, 0))
        yield by_state
        queue = aggregates.queue(session, now)
        yield _single("winnow_queue_jobs", "Jobs that wait for room to start.", queue.count)
        yield _single(
            "winnow_queue_oldest_age_seconds",
            "How long the job that waits longest could have started; 0 where none waits.",
            _age(queue.since, now),
        )
        yield _single("winnow_running_jobs_limit", "Jobs that may train at once.", self.settings.max_running_jobs)

    def _models(self, session: Session, now: datetime) -> Iterator[GaugeMetricFamily]:
        features = _gauge("winnow_features", "Features of a model by status.", "model", "status")
        for model, status, count in aggregates.features(session):
            features.add_metric([model, status], count)
        yield features
        proposed = _gauge(
            "winnow_prune_lists_proposed",
            "Prune lists that wait for a decision, by what their guard found.",
            "model",
            "guard",
        )
        for model, verdict, count in aggregates.proposed_lists(session):
            proposed.add_metric([model, verdict], count)
        yield proposed
        yield from self._active(session, now)

    def _active(self, session: Session, now: datetime) -> Iterator[GaugeMetricFamily]:
        active = aggregates.active_lists(session)
        numbers = {each.number for each in active}
        kept = {number: found for number, found in self._figures.items() if number in numbers}
        self._figures = kept | aggregates.list_figures(session, sorted(numbers - kept.keys())[:LISTS])
        age = _gauge("winnow_prune_list_age_seconds", "How long a model's active list has been active.", "model")
        for each in active:
            age.add_metric([each.model], _age(each.activated_at, now))
        yield age
        sizes = {"features": "Features", "dims": "Dims", "embedding_bytes": "Bytes of embeddings"}
        for name, what in sizes.items():
            family = _gauge(
                f"winnow_prune_list_{name}", f"{what} before and after a model's active list.", "model", "side"
            )
            for each in active:
                found = self._figures.get(each.number)
                for side in ("before", "after") if found else ():
                    family.add_metric([each.model, side], getattr(getattr(found, side), name))
            yield family


def _starting(session: Session, now: datetime) -> Iterator[GaugeMetricFamily]:
    failing = _gauge(
        "winnow_triggers_failing", "Enabled triggers whose newest evaluation is an error, by kind.", "kind"
    )
    found = aggregates.failing_triggers(session)
    for kind in ("candidates", "latency", "freshness", "manual"):
        failing.add_metric([kind], found.get(kind, 0))
    yield failing
    waiting = aggregates.deliveries(session)
    yield _single("winnow_webhook_deliveries_pending", "Deliveries still to be made.", waiting.count)
    yield _single(
        "winnow_webhook_pending_oldest_age_seconds",
        "Age of the oldest delivery still to be made; 0 where there is none.",
        _age(waiting.since, now),
    )
    webhooks = _gauge("winnow_webhooks", "Webhooks, by whether they are enabled.", "enabled")
    counted = aggregates.webhooks(session)
    for enabled in (False, True):
        webhooks.add_metric([str(enabled).lower()], counted.get(enabled, 0))
    yield webhooks


def _gauge(name: str, help_: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, labels=labels)


def _single(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
