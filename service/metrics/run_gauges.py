"""What running jobs say of themselves: series that are there while a job runs.

The label is `job_id`: `job` is Prometheus's own name for what it scrapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, islice
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from service.core.job_state import JobState
from service.store.aggregates import Running

Training = Sequence[tuple[Running, Mapping[str, Any]]]
ID = "job_id"
POSITIONS = {"low": "closed", "middle": "between", "high": "open"}
# Metric, key of the progress, help.
GAUGES = (
    ("winnow_job_step", "step", "Steps done in the present stage."),
    ("winnow_job_planned_steps", "total_steps", "Steps of the present stage; 0 where they aren't counted."),
    ("winnow_job_steps_per_second", "steps_per_second", "Speed of the search at the newest report."),
    ("winnow_job_rows_per_second", "rows_per_second", "Rows that all workers read for training in a second."),
    ("winnow_job_step_duration_seconds", "step_seconds", "Mean time of a step of the slowest worker."),
    ("winnow_job_task_loss", "loss", "Task loss on training batches, mean of the newest report's steps."),
    ("winnow_job_held_out_loss", "held_out_loss", "Task loss on held-out batches; 0 where none are read."),
    ("winnow_job_penalty", "penalty", "Price of the open gates in the loss."),
    ("winnow_job_gates_undecided_ratio", "undecided", "Share of gates that crossed 0.5 in the last ten reports."),
    ("winnow_job_remaining_seconds", "eta", "Time that the search will still take at its present speed."),
)


def families(running: Sequence[Running], now: datetime, named_features: int) -> Iterator[Metric]:
    """Of jobs that train. At most so many features of a job are named, the first of its spec."""
    training = [(job, _told(job)) for job in running]
    yield _info(running)
    for name, key, help_ in GAUGES:
        family = GaugeMetricFamily(name, help_, labels=[ID])
        for job, progress in training:
            if _is_number(progress.get(key)):
                family.add_metric([job.id], progress[key])
        yield family
    yield _idle(training, now)
    yield _decoding(training)
    yield from _gates(training)
    yield from _ranks(training, now)
    if named_features:
        yield _named(training, named_features)


def _told(job: Running) -> Mapping[str, Any]:
    """The newest attempt's progress: until that begins to tell, what is stored may be its predecessor's."""
    progress = job.progress or {}
    stale = job.state == JobState.STARTING.value and progress.get("stage") != JobState.STARTING.value
    return {} if stale else progress


def _info(running: Sequence[Running]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_info", "1 for every job under way.", labels=[ID, "name", "model", "state", "attempt"]
    )
    for job in running:
        family.add_metric([job.id, job.name, job.model or "", job.state, str(job.attempt)], 1)
    return family


def _idle(training: Training, now: datetime) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_idle_seconds", "Time since a job's last new step, or the beginning of its stage.", labels=[ID]
    )
    for job, progress in training:
        moved: Any = progress.get("advanced_at")
        since = float(moved) if _is_number(moved) else job.updated_at.timestamp()
        family.add_metric([job.id], max(0.0, now.timestamp() - since))
    return family


def _decoding(training: Training) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "winnow_job_decode_seconds",
        "Time that the slowest worker's reading threads spent on reading, decoding and shuffling.",
        labels=[ID],
    )
    for job, progress in training:
        if _is_number(progress.get("decode_seconds")):
            family.add_metric([job.id], progress["decode_seconds"])
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
        found: Mapping[str, Any] = progress.get("polarization") or {}
        for key, position in POSITIONS.items():
            if _is_number(found.get(key)):
                shares.add_metric([job.id, position], found[key])
        if _is_number(found.get("spread")):
            spread.add_metric([job.id], found["spread"])
        counts = progress.get("gate_counts")
        if counts:
            bounds = [f"{tenth / len(counts):g}" for tenth in range(1, len(counts))]
            buckets = list(zip([*bounds, "+Inf"], accumulate(counts), strict=True))
            gates.add_metric([job.id], buckets, progress.get("gate_sum", 0.0))
    yield from (shares, spread, gates)


def _ranks(training: Training, now: datetime) -> Iterator[GaugeMetricFamily]:
    labels = [ID, "rank"]
    held = GaugeMetricFamily(
        "winnow_job_embedding_bytes", "Bytes of a worker's part of the embedding tables' weights.", labels=labels
    )
    lag = GaugeMetricFamily(
        "winnow_job_rank_lag_seconds", "Time since a worker's last report, while the search goes on.", labels=labels
    )
    for job, progress in training:
        for rank, found in {str(each["rank"]): each for each in progress.get("ranks") or ()}.items():
            held.add_metric([job.id, rank], found["embedding_bytes"])
            if progress.get("stage") == "searching":
                lag.add_metric([job.id, rank], max(0.0, now.timestamp() - found["reported_at"]))
    yield from (held, lag)


def _named(training: Training, count: int) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "winnow_job_feature_gate", "Gates of the first features of a job.", labels=[ID, "feature"]
    )
    for job, progress in training:
        for feature, gate in islice((progress.get("gates") or {}).items(), count):
            family.add_metric([job.id, feature], gate)
    return family


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
