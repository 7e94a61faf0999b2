"""What running jobs say of themselves: series that are there while a job runs.

The label is `job_id`: `job` is Prometheus's own name for what it scrapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate, islice

from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from service.core.job_state import JobState
from service.store.aggregates import Running
from service.store.progress import read_progress
from trainers.runs.progress import Progress, Stage

Training = Sequence[tuple[Running, Progress]]
ID = "job_id"
BEFORE_SEARCH = (Stage.VALIDATING, Stage.STARTING)
# Metric, help, value; a value that is None or no number is left out.
GAUGES: tuple[tuple[str, str, Callable[[Progress], float | None]], ...] = (
    ("winnow_job_step", "Steps done in the present stage.", lambda told: told.step),
    (
        "winnow_job_planned_steps",
        "Steps of the present stage; 0 where they aren't counted.",
        lambda told: told.total_steps,
    ),
    ("winnow_job_steps_per_second", "Speed of the search at the newest report.", lambda told: told.steps_per_second),
    (
        "winnow_job_rows_per_second",
        "Rows that all workers read for training in a second.",
        lambda told: told.rows_per_second,
    ),
    (
        "winnow_job_step_duration_seconds",
        "Mean time of a step of the slowest worker.",
        lambda told: told.step_seconds,
    ),
    (
        "winnow_job_task_loss",
        "Task loss on training batches, mean of the newest report's steps.",
        lambda told: told.loss,
    ),
    (
        "winnow_job_held_out_loss",
        "Task loss on held-out batches; 0 where none are read.",
        lambda told: told.held_out_loss,
    ),
    ("winnow_job_penalty", "Penalty on the open gates, a part of the loss, in nats.", lambda told: told.penalty),
    (
        "winnow_job_gates_crossing_ratio",
        "Share of gates that crossed 0.5 in the last ten reports.",
        lambda told: told.crossing_share,
    ),
    (
        "winnow_job_gates_undecided_ratio",
        "The old name of winnow_job_gates_crossing_ratio, for one more version.",
        lambda told: told.crossing_share,
    ),
    (
        "winnow_job_remaining_seconds",
        "Time that the search will still take at its present speed.",
        lambda told: told.eta,
    ),
)


def families(running: Sequence[Running], now: datetime, named_features: int) -> Iterator[Metric]:
    """Of jobs that train. At most so many features of a job are named, the first of its spec."""
    training = [(job, progress) for job in running if (progress := _current_progress(job)) is not None]
    yield _info(running)
    for name, help_, value in GAUGES:
        family = GaugeMetricFamily(name, help_, labels=[ID])
        for job, progress in training:
            found = value(progress)
            if found is not None and math.isfinite(found):
                family.add_metric([job.id], found)
        yield family
    yield _idle(running, now)
    yield _decoding(training)
    yield from _gates(training)
    yield from _ranks(training, now)
    if named_features:
        yield _named_gates(training, named_features)


def _current_progress(job: Running) -> Progress | None:
    """The newest attempt's; None until that reports, as what is stored may be its predecessor's."""
    progress = read_progress(job.progress)
    stale = job.state == JobState.STARTING.value and progress is not None and progress.stage not in BEFORE_SEARCH
    return None if stale else progress


def _info(running: Sequence[Running]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_info", "1 for every job under way.", labels=[ID, "name", "model", "state", "attempt"]
    )
    for job in running:
        family.add_metric([job.id, job.name, job.model or "", job.state, str(job.attempt)], 1)
    return family


def _idle(running: Sequence[Running], now: datetime) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_idle_seconds", "Time since a job's last new step, or the beginning of its stage.", labels=[ID]
    )
    for job in running:
        progress = _current_progress(job)
        advanced = None if progress is None else progress.advanced_at
        since = job.updated_at.timestamp() if advanced is None else advanced
        family.add_metric([job.id], max(0.0, now.timestamp() - since))
    return family


def _decoding(training: Training) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "winnow_job_decode_seconds",
        "Time that the slowest worker's reading threads spent on reading, decoding and shuffling.",
        labels=[ID],
    )
    for job, progress in training:
        if progress.decode_seconds is not None:
            family.add_metric([job.id], progress.decode_seconds)
    return family


def _gates(training: Training) -> Iterator[Metric]:
    shares = GaugeMetricFamily(
        "winnow_job_gates_ratio",
        "Share of gates that are closed (under 0.1), open (over 0.9) or between.",
        labels=[ID, "position"],
    )
    spread = GaugeMetricFamily("winnow_job_gates_spread", "Mean distance of gates from their mean.", labels=[ID])
    gates = GaugeHistogramMetricFamily("winnow_job_gates", "Gates of all features, as they stand.", labels=[ID])
    for job, progress in training:
        found = progress.polarization
        if found is not None:
            for position, share in (("closed", found.low), ("between", found.middle), ("open", found.high)):
                shares.add_metric([job.id, position], share)
            spread.add_metric([job.id], found.spread)
        counts = progress.gate_counts
        if counts:
            bounds = [f"{tenth / len(counts):g}" for tenth in range(1, len(counts))]
            buckets = list(zip([*bounds, "+Inf"], accumulate(counts), strict=True))
            gates.add_metric([job.id], buckets, progress.gate_sum or 0.0)
    yield from (shares, spread, gates)


def _ranks(training: Training, now: datetime) -> Iterator[GaugeMetricFamily]:
    labels = [ID, "rank"]
    memory = GaugeMetricFamily(
        "winnow_job_embedding_bytes", "Bytes of a worker's part of the embedding tables' weights.", labels=labels
    )
    lag = GaugeMetricFamily(
        "winnow_job_rank_lag_seconds", "Time since a worker's last report, while the search goes on.", labels=labels
    )
    for job, progress in training:
        for rank, found in {str(each.rank): each for each in progress.ranks or ()}.items():
            memory.add_metric([job.id, rank], found.embedding_bytes)
            if progress.stage is Stage.SEARCHING:
                lag.add_metric([job.id, rank], max(0.0, now.timestamp() - found.reported_at))
    yield from (memory, lag)


def _named_gates(training: Training, count: int) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_feature_gate", "Gates of the first features of a job.", labels=[ID, "feature"]
    )
    for job, progress in training:
        for feature, gate in islice((progress.gates or {}).items(), count):
            family.add_metric([job.id, feature], gate)
    return family
