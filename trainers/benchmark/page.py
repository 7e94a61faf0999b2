"""report.html of a benchmark: its tables as they are, and charts by the views' modules, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainers.benchmark.results import BenchmarkResults
from trainers.benchmark.tables import (
    COSTS,
    MARKS,
    RANKED,
    TIED,
    Cell,
    cost_rows,
    describe_ranks,
    describe_seeds,
    metric_rows,
    rank_rows,
    table_title,
)
from trainers.report.page import render_view
from trainers.web import assets

VIEW = "benchmark"


@dataclass(frozen=True)
class PageCell:
    text: str
    best: bool


@dataclass(frozen=True)
class PageTable:
    title: str
    note: str
    heads: Sequence[str]
    rows: Sequence[Sequence[PageCell]]


def render(results: BenchmarkResults) -> str:
    """The page. Raises MissingLibraryError: the package was installed without the libraries that draw."""
    scripts = assets.scripts()
    needed = assets.imports(scripts, [f"views/{VIEW}"])
    return render_view(
        VIEW,
        results.document(),
        {name: scripts[name] for name in needed},
        name=results.name,
        results=results,
        seeds=describe_seeds(results),
        tables=_tables(results),
    )


def _tables(results: BenchmarkResults) -> list[PageTable]:
    measured = [
        PageTable(table_title(table), MARKS, heads, [_cells(row) for row in rows])
        for table in results.tables
        for heads, rows in [metric_rows(table, results.retention)]
    ]
    heads, costs = cost_rows(results)
    found = [*measured, PageTable("Cost and stability", COSTS, heads, [_cells(row) for row in costs])]
    if results.ranks is not None:
        heads, ranks = rank_rows(results.ranks)
        found.append(PageTable("Ranks", f"{describe_ranks(results.ranks)} {RANKED}", heads, [_cells(r) for r in ranks]))
    return found


def _cells(row: Sequence[Cell]) -> list[PageCell]:
    return [_cell(cell) for cell in row]


def _cell(cell: Cell) -> PageCell:
    if isinstance(cell, str):
        return PageCell(cell, best=False)
    entry, text = cell
    return PageCell(text if entry.best or not entry.tied else f"{text} {TIED}", best=entry.best)
