"""A run in the terminal: progress while it trains, and its result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich import progress as bars
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from trainers.report import summary
from trainers.runs.directory import RunDirectory
from trainers.runs.progress import Progress, Stage
from trainers.runs.prune_list import FAILED, INCONCLUSIVE, PASSED, ListedFeature, PruneList, Verdict
from trainers.simulator.outcome import RoleOutcome

SHOWN = 40
# Without a terminal: seconds between two lines of a stage.
LINE_SECONDS = 20.0
# Of a name, what is shown before a detail is left out.
NAME_WIDTH = 20
COLOURS = {"keep": "green", "prune": "yellow"}
VERDICT_STYLES: dict[Verdict, str] = {PASSED: "bold green", FAILED: "bold red", INCONCLUSIVE: "bold"}


class LiveProgress:
    """A progress bar a stage, with loss, gates and speed; plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage: Stage | None = None
        self.said = 0.0
        steps = bars.TextColumn("{task.fields[steps]}", table_column=Column(no_wrap=True, justify="right"))
        self.bars = make_bars(console, steps, width=10)

    def __enter__(self) -> LiveProgress:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._leave()
        self.bars.stop()

    def update(self, progress: Progress) -> None:
        """Show how far the run is."""
        if progress.stage is not self.stage:
            self._leave()
            self._enter(progress.stage)
        if self.stage is Stage.DONE:
            return
        step, total = progress.step, progress.total_steps or None
        steps = f"{step}/{total}" if total else ""
        note = search_note(progress)
        self.bars.update(self.task, completed=step, total=total, steps=steps, note=note)
        if steps and not self.console.is_terminal and time.monotonic() - self.said >= LINE_SECONDS:
            self._say(f"{progress.stage}: step {steps}  {note}".rstrip())

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        if stage is Stage.DONE:
            return
        self.task = self.bars.add_task(stage, total=None, steps="", note="")
        if not self.console.is_terminal:
            self._say(f"{stage} …")

    def _say(self, line: str) -> None:
        self.said = time.monotonic()
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _leave(self) -> None:
        """Every stage so far is over: its last steps may have gone by unseen."""
        for task in self.bars.tasks:
            if not task.finished:
                total = task.total or 1
                steps = f"{task.total:.0f}/{task.total:.0f}" if task.total else ""
                self.bars.update(task.id, total=total, completed=total, steps=steps)


def make_bars(console: Console, counted: bars.ProgressColumn, *, width: int) -> bars.Progress:
    """Bars of tasks with a field `note`, drawn on a terminal alone.

    Args:
        console: to draw on.
        counted: how far a task is, in numbers.
        width: of the names of tasks, at least.
    """
    return bars.Progress(
        bars.TextColumn("{task.description}", table_column=Column(no_wrap=True, min_width=width)),
        bars.BarColumn(bar_width=12),
        counted,
        bars.TimeElapsedColumn(),
        # Only the note is shortened where the terminal is narrow.
        bars.TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        console=console,
        expand=True,
        disable=not console.is_terminal,
    )


def search_note(progress: Progress) -> str:
    """Which of several searches is trained, loss, shares of gates that are all but closed and open, time left, and rows
    per second; empty but in a search."""
    parted, loss, speed = progress.polarization, progress.loss, progress.rows_per_second
    if progress.stage is not Stage.SEARCHING:
        return ""
    seed = "" if progress.seeds is None else f"search {progress.seed_number} of {progress.seeds}  "
    if parted is None or loss is None or speed is None:
        return seed.rstrip()
    left = timedelta(seconds=round(progress.eta or 0))
    gates = f"gates {parted.low:.0%} low {parted.high:.0%} high"
    return f"{seed}loss {loss:z.4f}  {gates}  {left} left  {speed:,.0f} rows/s"


def print_result(run: RunDirectory, truth: Path | None, console: Console) -> None:
    """The ranking with its decisions, the savings, what they cost, how that compares with the truth; the verdict.

    Raises:
        RunFileError: a file of the run is missing or can't be read.
    """
    finished = run.read_finished()
    found = finished.prune_list
    for leak in found.leaks:
        console.print(f"[bold red]leak[/]: {escape(leak.message)}", highlight=False)
    console.print(_ranking(found, summary.describe_rule(finished.spec.prune, found.features), console.width))
    if copies := summary.describe_copies(found):
        console.print(f"copies: {copies}", markup=False, highlight=False)
    console.print(_savings(found))
    if found.budget is not None:
        console.print(f"budget: {summary.describe_budget(found.budget)}", markup=False, highlight=False)
        if found.budget.warning:
            console.print(f"[bold yellow]warning[/]: {escape(found.budget.warning)}", highlight=False)
    console.print(_quality(found))
    if truth is not None:
        console.print(_truth(summary.compare_with_truth(found, truth)))
    verdict = found.guard.verdict
    word = f"[{VERDICT_STYLES[verdict]}]{summary.VERDICT_SIGNS[verdict]} guard {verdict}[/]"
    console.print(f"{word}: {escape(found.guard.reason)}", highlight=False)
    if found.guard.banner:
        console.print(f"[bold red]! worse beyond its limit[/]: {escape(found.guard.banner)}", highlight=False)
    if found.diagnostics:
        said = f"selector {found.selector.name}: {summary.describe_diagnostics(found.diagnostics)}"
        console.print(said, markup=False, highlight=False)
    for name, lines in summary.statements(found.diagnostics).items():
        console.print("\n  ".join([f"{name}:", *lines]), markup=False, highlight=False)
    if crosses := summary.describe_crosses(found):
        console.print(f"crosses: {crosses}", markup=False, highlight=False)
    if found.warning:
        console.print(f"[bold yellow]warning[/]: {escape(found.warning)}", highlight=False)
    console.print(f"prune list: {run.prune_list}\nreport: {run.report}", markup=False, highlight=False, soft_wrap=True)


def _ranking(found: PruneList, rule: str, width: int) -> Table:
    """Every feature; of too many, those around the last one kept, where decisions are closest."""
    features, details = found.features, summary.detail_names(found.features)
    first = max(0, min(len(found.kept) - SHOWN // 2, len(features) - SHOWN))
    shown = features[first : first + SHOWN]
    # Names come before details: of these, as many as leave room.
    for told in range(len(details), -1, -1):
        some = details[len(details) - told :]
        heads = ("rank", "feature", "decision", "score", "dim", "kind", *map(summary.in_words, some))
        rows = [_ranking_row(rank, feature, some) for rank, feature in enumerate(shown, first + 1)]
        widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
        room = width - (sum(widths) - widths[1]) - (2 * len(widths) + 1)
        if room >= min(widths[1], NAME_WIDTH):
            break
    table = _table(f"Features by {found.selector.name}: {rule}", heads)
    for feature, (rank, name, decision, *others) in zip(shown, rows, strict=True):
        colour = COLOURS[feature.decision]
        table.add_row(rank, escape(_shorten(name, room)), f"[{colour}]{decision}[/]", *others)
    if len(shown) < len(features):
        table.caption = f"ranks {first + 1} to {first + len(shown)} of {len(features)}; the others are in report.html\n"
        table.caption_justify = "left"
    return table


def _ranking_row(rank: int, feature: ListedFeature, details: Sequence[str]) -> tuple[str, ...]:
    decision = "essential" if feature.why == "essential" else feature.decision
    values = [f"{feature.details[name]:z.3f}" if name in feature.details else "–" for name in details]
    dims = summary.describe_dims(feature)
    return (str(rank), feature.name, decision, f"{feature.score:z.3f}", dims, feature.kind, *values)


def _savings(found: PruneList) -> Table:
    table = _table("Savings", ["", "before", "after", "saved"])
    for row in summary.savings(found).values():
        saved = "–" if row.share_saved is None else f"{row.share_saved:.0%}"
        table.add_row(row.label, f"{row.before:z,.0f}", f"{row.after:z,.0f}", saved)
    return table


def _quality(found: PruneList) -> Table:
    table = _table("Quality on the test split", ["", *summary.MODELS.values(), "change", "95% interval"])
    for row in summary.metric_rows(found.metrics):
        values = ["–" if value is None else f"{value:z.5f}" for value in (row.full, row.pruned, row.finetuned)]
        change = "–" if row.change is None else f"{row.change:+z.5f}"
        if row.better is not None:
            change = f"[{'green' if row.better else 'red'}]{change}[/]"
        interval = "–" if row.interval is None else f"{row.interval[0]:+z.5f} to {row.interval[1]:+z.5f}"
        table.add_row(row.metric, *values, change, interval)
    return table


def _truth(outcomes: Sequence[RoleOutcome]) -> Table:
    table = _table("Against the known truth", ["role", "total", "kept", "pruned", "expected", "wrong"])
    for row in outcomes:
        wrong = f"[red]{escape(', '.join(row.wrong))}[/]" if row.wrong else "none"
        table.add_row(row.role, str(row.total), str(row.kept), str(row.pruned), row.expected, wrong)
    return table


TEXTS = ("", "feature", "decision", "kind", "role", "expected", "wrong")


def _table(title: str, columns: Sequence[str]) -> Table:
    """Texts to the left, numbers to the right; only what may be a long list of names wraps."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, justify="left" if column in TEXTS else "right", no_wrap=column != "wrong")
    return table


def _shorten(name: str, room: int) -> str:
    """A name too long for the room loses its middle: names of one family differ at the end."""
    room = max(room, 8)
    return name if len(name) <= room else f"{name[: room // 2]}…{name[-((room - 1) // 2) :]}"
