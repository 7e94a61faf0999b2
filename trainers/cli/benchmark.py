"""`winnow benchmark`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainers.cli.output import FAILED, Json, Output
from trainers.cli.run import check_machine, ended_once
from trainers.spec import SpecError

if TYPE_CHECKING:
    from trainers.benchmark.directory import BenchmarkDirectory
    from trainers.benchmark.results import BenchmarkResults
    from trainers.benchmark.runner import BenchmarkProgress
    from trainers.benchmark.suite import BenchmarkSpec


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow benchmark bench.yaml --output benchmarks/first")(benchmark)


def benchmark(
    suite: Annotated[Path, typer.Argument(help="YAML or JSON: methods, data sets, ratios, seeds.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory of the results; the suite's `output` unless given.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
    as_json: Json = False,
) -> None:
    """Compare methods: search with each, retrain what it keeps, test once. Called again, it goes on. Exit code 1: a
    cell failed, and the results are of the others."""
    with Output(as_json=as_json) as out, ended_once():
        from trainers.benchmark.directory import BenchmarkDirectory
        from trainers.benchmark.pool import open_pool
        from trainers.benchmark.runner import run_study
        from trainers.benchmark.study import prepare
        from trainers.benchmark.suite import load_suite

        def warn(message: str) -> None:
            out.say(message, style="yellow")

        spec = load_suite(suite)
        directory = BenchmarkDirectory(output or _output_of(spec))
        out.interrupted = f"interrupted; the same command goes on: winnow benchmark {suite} --output {directory.path}"
        check_machine(out, directory.path)
        with open_pool(spec.parallel, directory.log, warn) as pool:
            study = prepare(spec, suite.parent, directory.path, warn)
            directory.begin(spec)
            with _display(out, quiet) as observer:
                outcomes = run_study(study, directory.cells, pool, observer)
        results = directory.finish(spec, outcomes)
        content = {"output": directory.path, "results": results}
        out.result(content, lambda console: _show(console, results, directory))
        if results.failures:
            out.say(
                f"{len(results.failures)} of {len(outcomes)} results are missing; see {directory.markdown}", style="red"
            )
            raise typer.Exit(FAILED)


def _output_of(spec: BenchmarkSpec) -> Path:
    if spec.output is None:
        raise SpecError("output: missing; give --output DIR, or `output` in the suite")
    return Path(spec.output)


def _show(console: Console, results: BenchmarkResults, directory: BenchmarkDirectory) -> None:
    from trainers.benchmark.terminal import print_results

    print_results(results, console)
    files = f"tables: {directory.markdown}\nrows: {directory.parquet}\nreport: {directory.report}"
    console.print(files, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _display(out: Output, quiet: bool) -> Iterator[Callable[[BenchmarkProgress], None]]:
    """What hears of progress: a bar for each kind of cell, or nothing."""
    if quiet:
        yield lambda progress: None
        return
    from trainers.benchmark.terminal import CellProgress

    with CellProgress(out.errors) as display:
        yield display.update
