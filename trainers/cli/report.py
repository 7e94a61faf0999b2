"""`winnow report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainers.cli.output import Json, Output
from trainers.cli.run import truth_of
from trainers.runs.directory import RunDirectory


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow report runs/first")(report)


def report(
    directory: Annotated[Path, typer.Argument(help="Directory of a finished run.")],
    as_json: Json = False,
) -> None:
    """Build report.html anew from a run's files."""
    with Output(as_json=as_json) as out:
        run = RunDirectory(directory)
        truth = truth_of(run.read_finished().spec)
        from trainers.report import render

        path = render(run, truth)
        out.result({"report": path}, lambda console: console.print(f"wrote {path}", markup=False))
