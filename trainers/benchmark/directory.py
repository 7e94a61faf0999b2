"""A benchmark's directory.

| file | content |
|---|---|
| benchmark.json | the suite |
| cells/ | a JSON file a cell; what is there isn't computed again |
| results.parquet | a row for each method, backbone, data set, ratio and seed (see outcomes.py) |
| results.md | the tables |
| report.html | the page |
| workers.log | what the cells' processes and their libraries said |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.benchmark.cells import CellStore
from trainers.benchmark.outcomes import Outcome, write_parquet
from trainers.benchmark.page import render
from trainers.benchmark.results import BenchmarkResults
from trainers.benchmark.suite import BenchmarkSpec
from trainers.benchmark.tables import write_markdown
from trainers.runs.directory import write_json, write_text


@dataclass(frozen=True)
class BenchmarkDirectory:
    path: Path

    @property
    def suite(self) -> Path:
        return self.path / "benchmark.json"

    @property
    def cells(self) -> CellStore:
        return CellStore(self.path / "cells")

    @property
    def parquet(self) -> Path:
        return self.path / "results.parquet"

    @property
    def markdown(self) -> Path:
        return self.path / "results.md"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        return self.path / "workers.log"

    def begin(self, suite: BenchmarkSpec) -> None:
        write_json(self.suite, suite.model_dump(mode="json", exclude_unset=True))

    def finish(self, suite: BenchmarkSpec, outcomes: Sequence[Outcome]) -> BenchmarkResults:
        """Write the results, and return them."""
        results = BenchmarkResults.make(suite, outcomes)
        write_parquet(self.parquet, outcomes)
        write_text(self.markdown, write_markdown(results))
        write_text(self.report, render(results))
        return results
