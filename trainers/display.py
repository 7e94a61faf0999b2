"""A run in the terminal: progress while it trains, and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainers.run_directory import RunDirectory, read_json
from trainers.simulator.outcome import compare

METRICS = ("auc", "gauc", "logloss", "ne")
SHOWN = 40


class LiveProgress:
    """A progress bar a stage, with loss, speed and how far the gates have parted; plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage = ""
        self.progress = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> LiveProgress:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.progress.stop()

    def update(self, progress: dict[str, Any]) -> None:
        """Show the content of progress.json."""
        total = progress["total_steps"] or None
        if progress["stage"] != self.stage:
            self._leave()
            self.stage = progress["stage"]
            self.task = self.progress.add_task(self.stage, total=total, note="")
            if not self.console.is_terminal:
                self.console.print(f"{self.stage} …", markup=False)
        self.progress.update(self.task, completed=progress["step"], total=total, note=note_of(progress))

    def _leave(self) -> None:
        for task in self.progress.tasks:
            if not task.finished:
                done = task.total or 1
                self.progress.update(task.id, total=done, completed=done)


def note_of(progress: Mapping[str, Any]) -> str:
    """Loss, rows per second, and shares of gates low, between and high."""
    if progress["stage"] != "searching" or "polarization" not in progress:
        return ""
    parted = progress["polarization"]
    return (
        f"loss {progress['loss']:.4f}  {progress['rows_per_second']:,.0f} rows/s  "
        f"gates {parted['low']:.0%} low · {parted['middle']:.0%} between · {parted['high']:.0%} high"
    )


def print_result(run: RunDirectory, truth: Path | None, console: Console) -> None:
    """The ranking with decisions and reasons, the savings, what they cost, and how that compares with the truth."""
    found = read_json(run.prune_list)
    console.print(_ranking(found))
    console.print(_savings(found))
    console.print(_quality(found))
    verdict = found["guard"]
    colour = "green" if verdict["passed"] else "red"
    word = "passed" if verdict["passed"] else "refused"
    console.print(f"guard [{colour}]{word}[/]: {escape(verdict['reason'])}")
    if found["polarization"]["warning"]:
        console.print(f"[yellow]warning:[/] {escape(found['polarization']['warning'])}")
    if truth is not None:
        console.print(_truth(found, truth))
    console.print(f"report: {run.report}", markup=False)


def _ranking(found: Mapping[str, Any]) -> Table:
    table = Table(title="Features by gate", title_justify="left")
    for column, side in (("feature", "left"), ("kind", "left"), ("dim", "right"), ("gate", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    table.add_column("divergence", justify="right")
    table.add_column("decision")
    table.add_column("why")
    features = found["features"]
    for feature in features[:SHOWN]:
        colour = "green" if feature["decision"] == "keep" else "dim"
        table.add_row(
            escape(feature["name"]),
            feature["kind"],
            str(feature["dim"]),
            f"{feature['score']:.3f}",
            f"{feature['divergence']:.3f}",
            f"[{colour}]{feature['decision']}[/]",
            feature["why"],
        )
    if len(features) > SHOWN:
        table.caption = f"and {len(features) - SHOWN} more; see report.html"
    return table


def _savings(found: Mapping[str, Any]) -> Table:
    table = Table(title="Savings", title_justify="left")
    for column in ("", "before", "after", "saved"):
        table.add_column(column, justify="right" if column else "left")
    for key, label in LABELS.items():
        before, after = found["before"][key], found["after"][key]
        saved = f"{1 - after / before:.0%}" if before else "–"
        table.add_row(label, f"{before:,.0f}", f"{after:,.0f}", saved)
    return table


LABELS = {
    "features": "features",
    "dims": "dims",
    "embedding_bytes": "embedding bytes",
    "bytes_per_example": "bytes per example",
}


def _quality(found: Mapping[str, Any]) -> Table:
    table = Table(title="Quality on the test split", title_justify="left")
    names = ("full", "pruned", "finetuned")
    for column in ("", *names):
        table.add_column(column, justify="right" if column else "left")
    for metric in METRICS:
        values = [found["metrics"][name][metric] for name in names]
        if values[0] is not None:
            table.add_row(metric, *(f"{value:.5f}" if value is not None else "–" for value in values))
    return table


def _truth(found: Mapping[str, Any], truth: Path) -> Table:
    table = Table(title="Against the known truth", title_justify="left")
    for column in ("role", "total", "kept", "pruned", "expected", "wrong"):
        table.add_column(column)
    decisions = {feature["name"]: feature["decision"] for feature in found["features"]}
    for row in compare(json.loads(truth.read_text(encoding="utf-8")), decisions):
        wrong = f"[red]{escape(', '.join(row.wrong))}[/]" if row.wrong else ""
        table.add_row(row.role, str(row.total), str(row.kept), str(row.pruned), row.expected, wrong)
    return table
