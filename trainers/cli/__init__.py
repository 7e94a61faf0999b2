"""The commands that need no control plane. Importing it imports neither torch nor Ray; a command imports what it needs.

| exit code | means |
|---|---|
| 0 | done |
| 1 | the run, a cell of a benchmark or the job failed, or a doctor's check did |
| 2 | the spec, the data, an option or the environment is wrong; the message has the remedy |
| 3 | the run is done, and its guard failed or is inconclusive |
| 4 | the server is away, or busy; the same command may work later |
| 130 | interrupted; `winnow run --resume DIR` goes on |
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from trainers.cli import benchmark, data, doctor, report, retrain, run

app = typer.Typer(
    name="winnow",
    help="Find the features that a ranking model doesn't need, and emit a prune list that can be shipped.",
    epilog="Example: winnow simulate --features 24 --rows 60000 --seed 1 --output data && "
    "winnow run data/spec.yaml --output runs/first --workers 2",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"winnow {version('winnow')}")
        raise typer.Exit


@app.callback()
def _main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


run.register(app)
retrain.register(app)
benchmark.register(app)
data.register(app)
report.register(app)
doctor.register(app)
