"""A benchmark in the terminal: cells done, the one at hand, time left; then the first table."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

from rich import progress as bars
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from trainers.benchmark.cells import Kind
from trainers.benchmark.results import BenchmarkResults
from trainers.benchmark.runner import BenchmarkProgress
from trainers.benchmark.tables import TIED, Cell, cost_rows, metric_rows, table_title
from trainers.report.terminal import LINE_SECONDS, make_bars

WORDS: dict[Kind, str] = {"search": "searches", "retrain": "retrainings"}


class CellProgress:
    """A bar for each kind of cell; lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self.console, self.said = console, -LINE_SECONDS
        self.tasks: dict[Kind, bars.TaskID] = {}
        cells = bars.TextColumn("{task.completed:.0f}/{task.total:.0f}", table_column=Column(no_wrap=True))
        self.bars = make_bars(console, cells, width=11)

    def __enter__(self) -> CellProgress:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bars.stop()

    def update(self, progress: BenchmarkProgress) -> None:
        """Show how far the benchmark is."""
        note = describe(progress)
        if progress.kind not in self.tasks:
            self.tasks[progress.kind] = self.bars.add_task(WORDS[progress.kind], total=progress.total, note="")
        self.bars.update(self.tasks[progress.kind], completed=progress.done, total=progress.total, note=escape(note))
        ended = progress.done == progress.total
        if not self.console.is_terminal and (ended or time.monotonic() - self.said >= LINE_SECONDS):
            self.said = time.monotonic()
            line = f"{WORDS[progress.kind]} {progress.done}/{progress.total}  {note}".rstrip()
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def describe(progress: BenchmarkProgress) -> str:
    """How many were known, how many failed, what is computed now, and the time left."""
    parts = [
        f"{progress.known} known" if progress.known else "",
        f"{progress.failed} failed" if progress.failed else "",
        "" if progress.seconds_left is None or not progress.running else f"{_span(progress.seconds_left)} left",
        progress.running[0] if progress.running else "",
        f"and {len(progress.running) - 1} more" if len(progress.running) > 1 else "",
    ]
    return "  ".join(filter(None, parts))


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def print_results(results: BenchmarkResults, console: Console) -> None:
    """Each backbone's AUC, and what methods take; the rest is in results.md."""
    for table in results.tables:
        if table.metric == "auc":
            console.print(_table(table_title(table), *metric_rows(table, results.retention)))
    console.print(_table("Cost and stability", *cost_rows(results)))
    console.print(f"bold: best of its column; {TIED}: not significantly worse", style="dim", highlight=False)


def _table(title: str, heads: list[str], rows: list[list[Cell]] | list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at, head in enumerate(heads):
        table.add_column(escape(head.replace(" ", "\n")), justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(_shown, row))
    return table


def _shown(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    entry, text = cell
    return f"[bold]{text}[/]" if entry.best else f"{text} {TIED}" if entry.tied else text
