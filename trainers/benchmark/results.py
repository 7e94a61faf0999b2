"""What a benchmark found, of all its outcomes: tables in the papers' form, cost, stability, ranks, failures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from trainers.benchmark.comparison import (
    LEVEL,
    cliques,
    critical_difference,
    friedman,
    holm,
    jaccard,
    mean_ranks,
    normalized_auc,
    paired_t,
    signed_rank,
)
from trainers.benchmark.outcomes import Outcome
from trainers.benchmark.suite import BenchmarkSpec
from trainers.metrics.quality import HIGHER_IS_BETTER
from trainers.runs.schema import Schema

Metric = Literal["auc", "gauc", "logloss"]
METRICS: tuple[Metric, ...] = ("auc", "gauc", "logloss")
# By seed.
Values = dict[int, float]


class Entry(Schema):
    """One method in one column, over the seeds."""

    mean: float
    deviation: float | None = Field(description="standard deviation over the seeds; null of a single one")
    seeds: int = Field(description="that have a result")
    best: bool = Field(description="whether no other mean of the column is better")
    tied: bool | None = Field(
        description="whether a paired t test over the seeds, adjusted by Holm over the column's methods, finds it no "
        "worse than the best at 5%; null where it has fewer than two seeds in common with the best"
    )


class TableColumn(Schema):
    dataset: str
    retention: float


class TableRow(Schema):
    method: str
    entries: tuple[Entry | None, ...] = Field(description="by column; null where every seed failed")
    normalized: tuple[float | None, ...] | None = Field(
        description="of AUC: S_AUC (LeAP Eq. 1) at each ratio; null where a data set lacks the method"
    )


class MetricTable(Schema):
    """A metric of one backbone."""

    metric: Metric
    backbone: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]


class MethodCost(Schema):
    """What a method takes: means over backbones, data sets and seeds, and the largest memory."""

    method: str
    search_seconds: float | None
    search_epochs: float | None = Field(description="passes over the training rows while it trained")
    search_passes: float | None = Field(description="passes over the rows that it measured, where it tells them")
    search_peak_bytes: int | None
    stability: tuple[float | None, ...] = Field(
        description="at each ratio: mean Jaccard index of the sets that two seeds keep; null of a single seed, and of "
        "no_selection"
    )
    normalized_auc: float | None = Field(description="S_AUC over backbones, data sets and ratios")


class MethodRank(Schema):
    method: str
    mean_rank: float
    p: float | None = Field(
        description="of Wilcoxon's signed-rank test against the method of the best mean rank, adjusted by Holm; null "
        "of that one"
    )


class Ranks(Schema):
    """Methods compared over blocks: a backbone, a data set and a seed, with the mean AUC over the ratios. Blocks that
    lack a method are left out. Seeds of one data set share its rows: blocks are of chance in training, and of other
    data sets as far as there are several."""

    blocks: int
    methods: tuple[MethodRank, ...] = Field(description="best mean rank first")
    friedman_p: float | None = Field(description="that all methods are alike; null of two methods, or of one block")
    critical_difference: float = Field(description="of mean ranks, at 5% (Nemenyi)")
    cliques: tuple[tuple[str, ...], ...] = Field(description="groups whose mean ranks don't differ by as much")


class BenchmarkResults(Schema):
    name: str
    by: Literal["features", "dims"]
    seeds: int
    retention: tuple[float, ...]
    methods: tuple[str, ...]
    tables: tuple[MetricTable, ...]
    costs: tuple[MethodCost, ...]
    ranks: Ranks | None = Field(description="null of fewer than two methods that a block has in common")
    failures: tuple[str, ...]

    @classmethod
    def make(cls, suite: BenchmarkSpec, outcomes: Sequence[Outcome]) -> BenchmarkResults:
        """Of an outcome for each method, backbone, data set, ratio and seed."""
        return _Summary(suite, outcomes).results()


class _Summary:
    def __init__(self, suite: BenchmarkSpec, outcomes: Sequence[Outcome]) -> None:
        self.suite, self.outcomes = suite, outcomes
        self.methods = tuple(method.label for method in suite.methods)
        self.ratios = tuple(sorted(suite.retention, reverse=True))
        self.backbones = _unique(each.backbone for each in outcomes)
        self.datasets = _unique(each.dataset for each in outcomes)

    def results(self) -> BenchmarkResults:
        tables = [self._table(metric, backbone) for metric in METRICS for backbone in self.backbones]
        return BenchmarkResults(
            name=self.suite.name,
            by=self.suite.by,
            seeds=self.suite.seeds,
            retention=self.ratios,
            methods=self.methods,
            tables=tuple(table for table in tables if table.rows),
            costs=self._costs(),
            ranks=self._ranks(),
            failures=tuple(
                f"{each.method}, {each.backbone}, {each.dataset}, {each.retention:g}, seed {each.seed}: {each.reason}"
                for each in self.outcomes
                if each.reason is not None
            ),
        )

    def _values(self, metric: Metric, backbone: str, dataset: str, ratio: float) -> dict[str, Values]:
        """By method; no_selection stands beside every ratio."""
        found: dict[str, Values] = {method: {} for method in self.methods}
        for each in self.outcomes:
            value = each.value(metric)
            if (each.backbone, each.dataset) == (backbone, dataset) and each.retention in (ratio, 1.0):
                found[each.method] |= {} if value is None else {each.seed: value}
        return {method: values for method, values in found.items() if values}

    def _table(self, metric: Metric, backbone: str) -> MetricTable:
        datasets = [
            name for name in self.datasets if any((o.backbone, o.dataset) == (backbone, name) for o in self.outcomes)
        ]
        columns = [TableColumn(dataset=name, retention=ratio) for name in datasets for ratio in self.ratios]
        values = [self._values(metric, backbone, column.dataset, column.retention) for column in columns]
        entries = [_entries(each, metric) for each in values]
        normalized = [self._normalized(backbone, ratio) for ratio in self.ratios] if metric == "auc" else None
        rows = [
            TableRow(
                method=method,
                entries=tuple(each.get(method) for each in entries),
                normalized=None if normalized is None else tuple(each.get(method) for each in normalized),
            )
            for method in self.methods
        ]
        known = any(entry is not None for row in rows for entry in row.entries)
        return MetricTable(
            metric=metric, backbone=backbone, columns=tuple(columns), rows=tuple(rows) if known else ()
        )  # fmt: skip

    def _normalized(self, backbone: str, ratio: float) -> dict[str, float]:
        return normalized_auc(self._mean_aucs([backbone], [ratio]))

    def _mean_aucs(self, backbones: Iterable[str], ratios: Iterable[float]) -> list[dict[str, float]]:
        """By method, of each backbone, data set and ratio that has one."""
        places = [(b, d, r) for b in backbones for d in self.datasets for r in ratios]
        columns = [self._values("auc", *place) for place in places]
        return [{name: statistics.mean(each.values()) for name, each in column.items()} for column in columns if column]

    def _costs(self) -> tuple[MethodCost, ...]:
        normalized = normalized_auc(self._mean_aucs(self.backbones, self.ratios))
        found = []
        for method in self.methods:
            own = [each for each in self.outcomes if each.method == method]
            peaks = [each.search_peak_bytes for each in own if each.search_peak_bytes is not None]
            found.append(
                MethodCost(
                    method=method,
                    search_seconds=_mean(own, lambda each: each.search_seconds),
                    search_epochs=_mean(own, lambda each: each.search_epochs),
                    search_passes=_mean(own, lambda each: each.search_passes),
                    search_peak_bytes=max(peaks, default=None),
                    stability=tuple(self._stability(own, ratio) for ratio in self.ratios),
                    normalized_auc=normalized.get(method),
                )
            )
        return tuple(found)

    def _stability(self, outcomes: Sequence[Outcome], ratio: float) -> float | None:
        """Mean over backbones and data sets."""
        sets: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        for each in outcomes:
            if each.retention == ratio and each.kept:
                sets.setdefault((each.backbone, each.dataset), []).append(each.kept)
        known = [value for kept in sets.values() if (value := jaccard(kept)) is not None]
        return statistics.mean(known) if known else None

    def _ranks(self) -> Ranks | None:
        blocks = self._blocks()
        if not blocks or len(blocks[0]) < 2:
            return None
        methods = list(blocks[0])
        value_NK = np.array([[block[method] for method in methods] for block in blocks])
        ranks = dict(zip(methods, mean_ranks(value_NK).tolist(), strict=True))
        ordered = sorted(methods, key=lambda method: ranks[method])
        columns = {method: value_NK[:, at].tolist() for at, method in enumerate(methods)}
        p_values = holm({name: signed_rank(columns[ordered[0]], columns[name]) for name in ordered[1:]})
        difference = critical_difference(len(methods), len(blocks))
        return Ranks(
            blocks=len(blocks),
            methods=tuple(
                MethodRank(method=name, mean_rank=ranks[name], p=p_values.get(name)) for name in ordered
            ),
            friedman_p=friedman(value_NK),
            critical_difference=difference,
            cliques=tuple(cliques(ranks, difference)),
        )  # fmt: skip

    def _blocks(self) -> list[dict[str, float]]:
        """AUC by method, averaged over the ratios, of each backbone, data set and seed that has all of them; of a
        method that failed everywhere there is none."""
        found: list[dict[str, float]] = []
        for backbone in self.backbones:
            for dataset in self.datasets:
                columns = [self._values("auc", backbone, dataset, ratio) for ratio in self.ratios]
                for seed in self.suite.every_seed:
                    block = {
                        method: statistics.mean(column[method][seed] for column in columns)
                        for method in self.methods
                        if all(seed in column.get(method, {}) for column in columns)
                    }
                    found.append(block)
        everywhere = [method for method in self.methods if any(method in block for block in found)]
        return [{m: block[m] for m in everywhere} for block in found if all(m in block for m in everywhere)]


def _entries(values: dict[str, Values], metric: Metric) -> dict[str, Entry]:
    """Of one column, by method."""
    if not values:
        return {}
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    means = {method: statistics.mean(each.values()) for method, each in values.items()}
    most = max(sign * mean for mean in means.values())
    best = next(method for method, mean in means.items() if sign * mean == most)
    p_values = {}
    for method, own in values.items():
        shared = [seed for seed in own if seed in values[best]]
        p = paired_t([own[seed] for seed in shared], [values[best][seed] for seed in shared])
        if p is not None and method != best:
            p_values[method] = p
    adjusted = holm(p_values)
    return {
        method: Entry(
            mean=means[method],
            deviation=statistics.stdev(own.values()) if len(own) > 1 else None,
            seeds=len(own),
            best=sign * means[method] == most,
            tied=True if method == best else adjusted[method] >= LEVEL if method in adjusted else None,
        )
        for method, own in values.items()
    }


def _mean(outcomes: Sequence[Outcome], value: Callable[[Outcome], float | None]) -> float | None:
    known = [found for each in outcomes if (found := value(each)) is not None]
    return statistics.mean(known) if known else None


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
