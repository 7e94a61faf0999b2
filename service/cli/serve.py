"""`winnow serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trainers.cli.output import Json, Output
from trainers.cli.run import check_findings
from trainers.doctor import quick, serving


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow serve --home .winnow --port 8080")(serve)


def serve(
    home: Annotated[Path, typer.Option(envvar="WINNOW_HOME", help="Where the database and the runs are kept.")] = Path(
        ".winnow"
    ),
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs an API key to exist.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    as_json: Json = False,
) -> None:
    """Start the control plane: REST on this machine, SQLite, local Ray. Ctrl-C ends it; jobs go on."""
    with Output(as_json=as_json, interrupted="stopped; jobs go on, and the next start finds them") as out:
        from service.main import require_a_key
        from service.main import serve as start

        require_a_key(home, host)
        # A cluster elsewhere does the training; a local Ray does it here.
        check_findings(out, serving(home) if os.environ.get("WINNOW_RAY_ADDRESS") else quick(home))
        url = f"http://{host}:{port}"
        told = f"starting; soon the dashboard is at {url}/ and the API's reference at {url}/docs"
        out.result({"url": url, "home": home}, lambda console: console.print(told, markup=False))
        start(home, host, port)
