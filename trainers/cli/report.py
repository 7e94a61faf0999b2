"""`winnow report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainers.cli.output import Json, Output
from trainers.cli.run import truth_of
from trainers.runs.directory import RunDirectory
from trainers.spec import SpecError, load_spec


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow report runs/first")(report)


def report(
    directory: Annotated[Path, typer.Argument(help="Directory of a finished run.")],
    as_json: Json = False,
) -> None:
    """Build report.html anew from a run's files."""
    with Output(as_json=as_json) as out:
        run = RunDirectory(directory)
        needed = (run.spec, run.metrics, run.prune_list, run.measures)
        missing = [str(path.relative_to(directory)) for path in needed if not path.is_file()]
        if missing:
            raise SpecError(
                f"{directory} has no {', '.join(missing)}; give the directory of a finished run, "
                f"or finish it: winnow run --resume {directory}"
            )
        from trainers.report import render

        path = render(run, truth_of(load_spec(run.spec)))
        out.result({"report": path}, lambda console: console.print(f"wrote {path}", markup=False))
