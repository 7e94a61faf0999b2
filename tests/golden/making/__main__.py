"""Makes the golden files of the version that is installed.

    nice python -W ignore -m tests.golden.making tests/golden/v0_1_0

Runs, rehearses and records for some minutes. The folder must not exist.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Annotated

import structlog
import typer

from tests.golden import surface
from tests.golden.making import runs, service, specs
from tests.golden.opened import write


def main(folder: Annotated[Path, typer.Argument()]) -> None:
    folder.mkdir(parents=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as scratch:
        specs.make(folder, Path(scratch))
        runs.make(folder)
        service.make(folder)
        write(folder / "openapi.json.gz", surface.openapi(Path(scratch) / "home"))
    write(folder / "client.json.gz", surface.python_client())
    write(folder / "commands.json.gz", surface.commands())
    write(folder / "settings.json", surface.settings())
    # What a list's id is the SHA-256 of, as `sha256sum` takes it.
    listed = json.loads((folder / "run" / "prune_list.json").read_text(encoding="utf-8"))
    del listed["id"]
    canonical = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    (folder / "prune_list.canonical.json").write_text(canonical, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
