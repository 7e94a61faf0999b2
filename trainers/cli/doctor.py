"""`winnow doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainers.cli.output import FAILED, Json, Output
from trainers.doctor import Finding, full, quick

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow doctor; winnow doctor --quick --json")(doctor)


def doctor(
    only_quick: Annotated[bool, typer.Option("--quick", help="Only the checks that take no subprocess.")] = False,
    home: Annotated[Path, typer.Option(envvar="WINNOW_HOME", help="Where the runs will be kept.")] = Path(".winnow"),
    as_json: Json = False,
) -> None:
    """Check what keeps this stack from running, and name the remedy. Exit code 1: a check failed."""
    with Output(as_json=as_json) as out:
        findings = quick(home) if only_quick else full(home)
        failed = any(finding.status == "fail" for finding in findings)
        out.result({"ok": not failed, "findings": findings}, lambda console: _show(console, findings))
        if failed:
            raise typer.Exit(FAILED)


def _show(console: Console, findings: list[Finding]) -> None:
    grid = Table.grid(padding=(0, 2))
    for each in findings:
        said = Text(each.finding)
        if each.remedy:
            said.append(f"\n{each.remedy}", style="bold")
        grid.add_row(Text(each.status, style=COLOURS[each.status]), each.name, said)
    console.print(grid)
