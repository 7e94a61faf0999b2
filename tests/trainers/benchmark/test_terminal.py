"""What the terminal says while cells are computed, and of the results."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from tests.support.benchmarks import AUCS, results
from trainers.benchmark.runner import BenchmarkProgress
from trainers.benchmark.terminal import CellProgress, describe, print_results

NOW = BenchmarkProgress(
    kind="search", done=3, known=2, failed=1, total=8, running=("leap, mlp, a, seed 0", "b"), seconds_left=3725.4
)


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_progress_in_words() -> None:
    assert describe(NOW) == "2 known  1 failed  1:02:05 left  leap, mlp, a, seed 0  and 1 more"
    assert describe(replace(NOW, known=0, failed=0, running=(), seconds_left=None)) == ""


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    console = Console(file=io.StringIO(), width=80)
    with CellProgress(console) as display:
        display.update(NOW)
        display.update(replace(NOW, done=4))
        display.update(replace(NOW, done=8, running=(), failed=0))
    assert [line.partition("  ")[0] for line in lines(console)] == ["searches 3/8", "searches 8/8"]


def test_results_fit_a_narrow_terminal() -> None:
    console = Console(file=io.StringIO(), width=80)
    print_results(results(AUCS), console)
    (leap,) = [line.split() for line in lines(console) if line.startswith(" leap") and "±" in line]
    assert leap == ["leap", "0.8200", "±", "0.0200", "0.7000", "±", "0.0000", "1.0000", "0.8750"]
    assert all("…" not in line for line in lines(console))
